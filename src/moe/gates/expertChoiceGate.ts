import { checkOptionNames, checkReal } from "../../nn/options.js";
import { ops } from "../../torch/ops.js";
import type { Tensor } from "../../torch/tensor.js";
import type { GateMaker, GateOutput } from "../gate.js";
import { LinearGate } from "./linearGate.js";

export interface ExpertChoiceGateOptions {
  /** Experts a token has on average. Default: the layer's topK, else 2. */
  meanExperts?: number;
  /** Standard deviation of the initial weights. Default 0.02. */
  std?: number;
}

/**
 * Experts choose tokens: each takes the ⌊T·meanExperts/E⌋ (at least one) with the largest probability, so that all have the same
 * load and a token any number of experts (arXiv 2202.09368). `experts` is as wide as the most wanted token needs, with `kept`
 * false behind the experts of the others; no layer's capacity cuts into the choice. What a token gets depends on the tokens
 * after it: in a causal decoder it leaks the future in training, and differs when tokens come one by one.
 */
export class ExpertChoiceGate extends LinearGate {
  constructor(
    dim: number,
    experts: number,
    readonly meanExperts: number,
    std: number,
  ) {
    super(dim, experts, experts, std);
  }

  forward(x: Tensor): GateOutput {
    const [tokens] = x.shape;
    const logits = this.logits(x);
    const probabilities = logits.softmax(-1);
    const wanted = Math.max(1, Math.floor((tokens * this.meanExperts) / this.experts));
    const chosen: Tensor[] = ops.moelab.expert_choice(probabilities.detach(), Math.min(tokens, wanted));
    const [experts, kept, order, taken] = chosen;
    const weights = probabilities.gather(1, experts);
    const fused = { experts, probabilities, kept, dispatched: { order, load: taken, taken } };
    return { experts, weights, probabilities, logits, kept, fused };
  }

  override extraRepr(): string {
    return `${this.dim} → ${this.experts} experts, meanExperts: ${this.meanExperts}`;
  }
}

/** An {@link ExpertChoiceGate} for each layer. Warns once: not for causal decoders. */
export function expertChoiceGate(options: ExpertChoiceGateOptions = {}): GateMaker {
  const owner = "moe.expertChoiceGate";
  checkOptionNames(owner, options, ["meanExperts", "std"]);
  const { meanExperts } = options;
  if (meanExperts !== undefined) checkReal(owner, "meanExperts", meanExperts, { above: 0 });
  const std = checkReal(owner, "std", options.std ?? 0.02, { min: 0 });
  console.warn(
    `${owner}: experts choose among all tokens of a pass, later ones included. In a causal decoder that leaks the ` +
      "future into training; use it in encoders.",
  );
  return ({ dim, experts, topK }) => {
    const mean = meanExperts ?? topK ?? Math.min(2, experts);
    if (mean > experts) {
      throw new RangeError(`${owner}: meanExperts must not exceed the ${experts} experts, got ${mean}`);
    }
    return new ExpertChoiceGate(dim, experts, mean, std);
  };
}
