import { checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import type { Tensor } from "../../torch/tensor.js";
import { type CapacityOptions, capacityOptionNames, checkCapacity } from "../capacity.js";
import { type DispatchRequest, fusedGate } from "../fusedGate.js";
import type { GateMaker, GateOutput } from "../gate.js";
import { chosenCount, jittered, LinearGate } from "./linearGate.js";

export interface SoftmaxGateOptions extends CapacityOptions {
  /** Experts a token is sent to. Default: the layer's topK, else 2. */
  topK?: number;
  /**
   * Divides the k probabilities of a token by their sum, which is the softmax over the chosen logits alone (GShard,
   * Mixtral). Default: true for k > 1; false for k = 1, where it would make every weight 1 and leave the gate without
   * gradient (Switch). OLMoE and Qwen2-MoE do not.
   */
  renormalise?: boolean;
  /** In training the gate's input is multiplied by random factors from 1 − jitter to 1 + jitter. Default 0. */
  jitter?: number;
  /** Standard deviation of the initial weights. Default 0.02. */
  std?: number;
}

/**
 * p = softmax(x·Wᵀ) over all experts, then the k largest (GShard arXiv 2006.16668, Mixtral, OLMoE). Computed in float32
 * also in models of lower precision: differences between close scores decide where a token goes.
 */
export class SoftmaxGate extends LinearGate {
  constructor(
    dim: number,
    experts: number,
    topK: number,
    readonly renormalise: boolean,
    std = 0.02,
    readonly jitter = 0,
  ) {
    super(dim, experts, topK, std);
  }

  forward(x: Tensor, request?: DispatchRequest): GateOutput {
    const logits = this.logits(this.training && this.jitter > 0 ? jittered(x, this.jitter) : x);
    return fusedGate(logits, this.topK, { renormalise: this.renormalise }, request);
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, renormalise: ${this.renormalise}`;
  }
}

/** A {@link SoftmaxGate} for each layer. */
export function softmaxGate(options: SoftmaxGateOptions = {}): GateMaker {
  const owner = "moe.softmaxGate";
  checkOptionNames(owner, options, ["topK", "renormalise", "jitter", "std", ...capacityOptionNames]);
  if (options.topK !== undefined) checkCount(owner, "topK", options.topK);
  const std = checkReal(owner, "std", options.std ?? 0.02, { min: 0 });
  const jitter = checkReal(owner, "jitter", options.jitter ?? 0, { min: 0, below: 1 });
  const capacity = checkCapacity(owner, options);
  return (sizes) => {
    const k = chosenCount(owner, options.topK, sizes);
    const gate = new SoftmaxGate(sizes.dim, sizes.experts, k, options.renormalise ?? k > 1, std, jitter);
    gate.capacity = capacity;
    return gate;
  };
}
