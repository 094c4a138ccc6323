import { checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import { noGrad } from "../../torch/autograd.js";
import { zeros } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import { type CapacityOptions, capacityOptionNames, checkCapacity } from "../capacity.js";
import { type DispatchRequest, fusedGate } from "../fusedGate.js";
import type { GateMaker, GateOutput } from "../gate.js";
import { chosenCount, LinearGate } from "./linearGate.js";

export interface SigmoidGateOptions extends CapacityOptions {
  /** Experts a token is sent to. Default: the layer's topK, else 2. */
  topK?: number;
  /** Factor of the normalised weights. Default 1 (DeepSeek-V3: 2.5). */
  routeScale?: number;
  /**
   * γ: after each training pass the bias of an expert with less than the mean load rises by this much, that of one with
   * more falls, by {@link SigmoidGate.updateBias}. 0 leaves the biases alone. Default 1e-3.
   */
  biasUpdateRate?: number;
  /** Experts are cut into so many groups of equal size. Default 1. */
  expertGroups?: number;
  /** A token's experts all come from so many groups, those with the largest sum of their two best scores. Default: all. */
  topKGroups?: number;
  /** Standard deviation of the initial weights. Default 0.02. */
  std?: number;
}

/**
 * s = sigmoid(x·Wᵀ); the k largest of s + b, weighted by their s divided by its sum, times routeScale. The bias b has no
 * gradient: it balances the load without an auxiliary loss (DeepSeek-V3, arXiv 2412.19437; arXiv 2408.15664).
 */
export class SigmoidGate extends LinearGate {
  /** b, float32 [E] */
  bias = this.registerBuffer("bias", zeros([this.experts]));

  constructor(
    dim: number,
    experts: number,
    topK: number,
    readonly routeScale: number,
    readonly biasUpdateRate: number,
    readonly expertGroups: number,
    readonly topKGroups: number,
    std: number,
  ) {
    super(dim, experts, topK, std);
  }

  forward(x: Tensor, request?: DispatchRequest): GateOutput {
    const { bias, routeScale: scale, expertGroups, topKGroups } = this;
    const options = { scoring: "sigmoid", renormalise: true, scale, bias, expertGroups, topKGroups } as const;
    const chosen = fusedGate(this.logits(x), this.topK, options, request);
    if (this.training && this.biasUpdateRate > 0) this.updateBias(chosen.experts);
    return chosen;
  }

  /** b_e += γ · sign(mean load − load_e) for the choices of a pass, int64 [T, k]. */
  updateBias(experts: Tensor): void {
    noGrad(() => {
      const load = experts.reshape([-1]).bincount(null, this.experts).to("float32");
      this.bias.add_(load.mean().sub(load).sign(), { alpha: this.biasUpdateRate });
    });
  }
}

/** A {@link SigmoidGate} for each layer. */
export function sigmoidGate(options: SigmoidGateOptions = {}): GateMaker {
  const owner = "moe.sigmoidGate";
  const own = ["topK", "routeScale", "biasUpdateRate", "expertGroups", "topKGroups", "std"];
  checkOptionNames(owner, options, [...own, ...capacityOptionNames]);
  if (options.topK !== undefined) checkCount(owner, "topK", options.topK);
  const routeScale = checkReal(owner, "routeScale", options.routeScale ?? 1, { above: 0 });
  const rate = checkReal(owner, "biasUpdateRate", options.biasUpdateRate ?? 1e-3, { min: 0 });
  const groups = checkCount(owner, "expertGroups", options.expertGroups ?? 1);
  const topGroups = checkCount(owner, "topKGroups", options.topKGroups ?? groups);
  const std = checkReal(owner, "std", options.std ?? 0.02, { min: 0 });
  const capacity = checkCapacity(owner, options);
  if (topGroups > groups) {
    throw new RangeError(`${owner}: topKGroups must not exceed the ${groups} expertGroups, got ${topGroups}`);
  }
  return (sizes) => {
    const { dim, experts } = sizes;
    const k = chosenCount(owner, options.topK, sizes);
    if (experts % groups !== 0) {
      throw new RangeError(`${owner}: expertGroups must divide the ${experts} experts, got ${groups}`);
    }
    if (k > (experts / groups) * topGroups) {
      throw new RangeError(
        `${owner}: ${topGroups} of ${groups} groups have ${(experts / groups) * topGroups} experts, fewer than topK ${k}`,
      );
    }
    const gate = new SigmoidGate(dim, experts, k, routeScale, rate, groups, topGroups, std);
    gate.capacity = capacity;
    return gate;
  };
}
