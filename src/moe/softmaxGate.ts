import { randomWeight } from "../nn/initialise.js";
import { checkCount, checkOptionNames, checkReal } from "../nn/options.js";
import type { Parameter } from "../nn/parameter.js";
import { linear } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { Gate, type GateMaker, type GateOutput, topK } from "./gate.js";

export interface SoftmaxGateOptions {
  /** Experts a token is sent to. Default: the layer's topK, else 2. */
  topK?: number;
  /**
   * Divides the k probabilities of a token by their sum. Default: true for k > 1 (GShard, Mixtral); false for k = 1,
   * where it would make every weight 1 and leave the gate without gradient (Switch).
   */
  renormalise?: boolean;
  /** Standard deviation of the initial weights. Default 0.02. */
  std?: number;
}

/**
 * p = softmax(x·Wᵀ) over all experts, then the k largest (GShard arXiv 2006.16668, Mixtral, OLMoE). Computed in float32
 * also in models of lower precision: differences between close scores decide where a token goes.
 */
export class SoftmaxGate extends Gate {
  /** [experts, dim] */
  weight: Parameter;

  constructor(
    readonly dim: number,
    readonly experts: number,
    readonly topK: number,
    readonly renormalise: boolean,
    std = 0.02,
  ) {
    super();
    this.weight = randomWeight([experts, dim], dim, { std });
  }

  forward(x: Tensor): GateOutput {
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    const logits = linear(x.to(dtype), this.weight.to(dtype));
    const probabilities = logits.softmax(-1);
    return { ...topK(probabilities, this.topK, { renormalise: this.renormalise, probabilities }), logits };
  }

  override extraRepr(): string {
    return `${this.dim} → ${this.experts} experts, topK: ${this.topK}, renormalise: ${this.renormalise}`;
  }
}

/** A {@link SoftmaxGate} for each layer. */
export function softmaxGate(options: SoftmaxGateOptions = {}): GateMaker {
  const owner = "moe.softmaxGate";
  checkOptionNames(owner, options, ["topK", "renormalise", "std"]);
  if (options.topK !== undefined) checkCount(owner, "topK", options.topK);
  const std = checkReal(owner, "std", options.std ?? 0.02, { min: 0 });
  return ({ dim, experts, topK }) => {
    if (topK !== undefined && options.topK !== undefined && topK !== options.topK) {
      throw new RangeError(
        `${owner}: topK is ${options.topK}, but the layer says ${topK}; give it in one place only`,
      );
    }
    const k = options.topK ?? topK ?? 2;
    if (k > experts) {
      throw new RangeError(
        `${owner}: topK must not exceed the number of experts, got topK ${k} and ${experts} experts`,
      );
    }
    return new SoftmaxGate(dim, experts, k, options.renormalise ?? k > 1, std);
  };
}
