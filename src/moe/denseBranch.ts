import type { Activation } from "../nn/activation.js";
import { FeedForward } from "../nn/feedForward.js";
import type { WeightOptions } from "../nn/initialise.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { checkCount, checkOptionNames } from "../nn/options.js";
import type { Tensor } from "../torch/tensor.js";

/** A feed-forward block beside the experts that every token goes through. */
export interface SharedExpertOptions {
  /** Its hidden units. */
  hidden: number;
  /** Multiplies what it gives by sigmoid(x·w), as Qwen2-MoE does. Default false. */
  gated?: boolean;
}

/** y + shared(x), or y + sigmoid(x·w) · shared(x) (DeepSeekMoE arXiv 2401.06066, Qwen2-MoE). */
export class SharedExpert extends Module {
  block: FeedForward;
  /** dim → 1 */
  gate: Linear | null;

  constructor(dim: number, options: SharedExpertOptions, activation: Activation, weights: WeightOptions) {
    super();
    const owner = "moe.MoELayer sharedExpert";
    checkOptionNames(owner, options, ["hidden", "gated"]);
    checkCount(owner, "hidden", options.hidden);
    this.block = new FeedForward({ dim, hidden: options.hidden, activation, ...weights });
    this.gate = options.gated ? new Linear(dim, 1, { bias: false, ...weights }) : null;
  }

  /** @param routed the experts' answer to x */
  forward(x: Tensor, routed: Tensor): Tensor {
    const answer = this.block.forward(x);
    return routed.add(this.gate ? answer.mul(this.gate.forward(x).sigmoid()) : answer);
  }
}

/** c₀ · y + c₁ · dense(x) with c = softmax(x·Wᵀ + b): residual MoE (PR-MoE, arXiv 2201.05596; DeepSpeed's use_residual). */
export class ResidualBranch extends Module {
  block: Module;
  /** dim → 2 */
  coefficient: Linear;

  /** @param block the dense one, [..., dim] → [..., dim] */
  constructor(dim: number, block: Module, weights: WeightOptions) {
    super();
    this.block = block;
    this.coefficient = new Linear(dim, 2, weights);
  }

  /** @param routed the experts' answer to x */
  forward(x: Tensor, routed: Tensor): Tensor {
    const share = this.coefficient.forward(x).softmax(-1).to(routed.dtype);
    return routed.mul(share.narrow(-1, 0, 1)).add(this.block.forward(x).mul(share.narrow(-1, 1, 1)));
  }
}
