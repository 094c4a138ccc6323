import { constantWeight } from "../../nn/initialise.js";
import { checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import type { Parameter } from "../../nn/parameter.js";
import { linear, randnLike, softplus, where } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import { importance, squaredVariation } from "../auxLoss.js";
import { type CapacityOptions, capacityOptionNames, checkCapacity } from "../capacity.js";
import type { GateMaker, GateOutput, RoutingLoss } from "../gate.js";
import { chosenCount, LinearGate } from "./linearGate.js";

export interface NoisyTopKGateOptions extends CapacityOptions {
  /** Experts a token is sent to. Default: the layer's topK, else 2. */
  topK?: number;
  /** Coefficient of CV²(Σ of each expert's weights). Default 0.1. */
  importanceLoss?: number;
  /** Coefficient of CV²(smooth estimate of each expert's number of tokens). Default 0.1. */
  loadLoss?: number;
  /** Standard deviation of the initial weights. Default 0, as in the paper: all experts alike, chosen by noise. */
  std?: number;
}

/** Added to the noise's deviation, which must not vanish. */
const leastDeviation = 1e-2;

/**
 * H = x·Wᵀ + N(0, 1)·softplus(x·W_noiseᵀ); the k largest, softmax over them (Shazeer et al., arXiv 1701.06538). The
 * noise is there in training only.
 */
export class NoisyTopKGate extends LinearGate {
  /** [experts, dim] */
  noiseWeight: Parameter;

  constructor(
    dim: number,
    experts: number,
    topK: number,
    readonly importanceLoss: number,
    readonly loadLoss: number,
    std: number,
  ) {
    super(dim, experts, topK, std);
    this.noiseWeight = constantWeight([experts, dim], 0, {});
  }

  forward(x: Tensor): GateOutput {
    const clean = this.logits(x);
    const deviation = softplus(linear(x.to(clean.dtype), this.noiseWeight.to(clean.dtype))).add(
      leastDeviation,
    );
    const logits = this.training ? clean.add(randnLike(clean).mul(deviation)) : clean;
    const more = Math.min(this.topK + 1, this.experts);
    const [best, order] = logits.topk(more, 1);
    const experts = order.narrow(1, 0, this.topK);
    const weights = best.narrow(1, 0, this.topK).softmax(-1);
    const losses: RoutingLoss[] = [
      {
        name: "importanceLoss",
        value: squaredVariation(importance(weights, experts, this.experts)),
        coefficient: this.importanceLoss,
      },
    ];
    if (this.training && more > this.topK) {
      const value = squaredVariation(this.smoothLoad(clean, logits, deviation, best));
      losses.push({ name: "loadLoss", value, coefficient: this.loadLoss });
    }
    return { experts, weights, probabilities: logits.softmax(-1), logits, losses };
  }

  /** For each expert the expected number of tokens that would choose it if its own noise were drawn anew. */
  private smoothLoad(clean: Tensor, noisy: Tensor, deviation: Tensor, best: Tensor): Tensor {
    const { topK } = this;
    const next = best.narrow(1, topK, 1).detach();
    const last = best.narrow(1, topK - 1, 1).detach();
    // The value to beat is the k-th largest of the others: for those chosen the one behind the chosen.
    const toBeat = where(noisy.detach().gt(next), next, last);
    const z = clean.sub(toBeat).div(deviation);
    return z.div(Math.SQRT2).erf().add(1).mul(0.5).sum(0);
  }
}

/** A {@link NoisyTopKGate} for each layer. */
export function noisyTopKGate(options: NoisyTopKGateOptions = {}): GateMaker {
  const owner = "moe.noisyTopKGate";
  checkOptionNames(owner, options, ["topK", "importanceLoss", "loadLoss", "std", ...capacityOptionNames]);
  if (options.topK !== undefined) checkCount(owner, "topK", options.topK);
  const coefficient = (name: "importanceLoss" | "loadLoss") =>
    checkReal(owner, name, options[name] ?? 0.1, { min: 0 });
  const [importanceLoss, loadLoss] = [coefficient("importanceLoss"), coefficient("loadLoss")];
  const std = checkReal(owner, "std", options.std ?? 0, { min: 0 });
  const capacity = checkCapacity(owner, options);
  return (sizes) => {
    const k = chosenCount(owner, options.topK, sizes);
    const gate = new NoisyTopKGate(sizes.dim, sizes.experts, k, importanceLoss, loadLoss, std);
    gate.capacity = capacity;
    return gate;
  };
}
