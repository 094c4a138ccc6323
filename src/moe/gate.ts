import { Module } from "../nn/module.js";
import { checkCount } from "../nn/options.js";
import type { Tensor } from "../torch/tensor.js";
import type { CapacityOptions } from "./capacity.js";
import type { DispatchRequest, FusedRouting } from "./fusedGate.js";

/** Where each token goes and how much each expert's answer counts. T tokens, k experts a token, E experts. */
export interface GateOutput {
  /** Chosen experts, best first, int64 [T, k]. */
  experts: Tensor;
  /** Factor of each chosen expert's output, [T, k], with history. */
  weights: Tensor;
  /** Share of each expert, [T, E], rows summing to 1, with history. What an auxiliary loss balances. */
  probabilities?: Tensor;
  /** Scores before they became probabilities, [T, E], with history. */
  logits?: Tensor;
  /**
   * False where the gate gives a choice up again, bool [T, k]: it is no load, is not computed and adds nothing to its
   * token. Default: all stay.
   */
  kept?: Tensor;
  /** Under a capacity choices with more come first, [T, k]. Default: what the layer's drop policy says. */
  priority?: Tensor;
  /** Losses of the gate's own. */
  losses?: RoutingLoss[];
  /** What the gate found out along with its choice. Default: the layer finds it out. */
  fused?: FusedRouting;
}

/** A part of what a model minimises that comes from its routing. */
export interface RoutingLoss {
  /** For example "auxLoss" or "zLoss". */
  name: string;
  /** A tensor without dimensions, with history, without its coefficient. */
  value: Tensor;
  coefficient: number;
}

/**
 * Chooses the experts of each token. A gate of one's own extends this class, in a cell as well as here; it trains as
 * any module does, through the weights (and the auxiliary loss, when it gives probabilities).
 *
 * @example
 * class SigmoidGate extends moe.Gate {
 *   proj: nn.Linear;
 *   constructor(dim: number, experts: number) { super(); this.proj = new nn.Linear(dim, experts, { bias: false }); }
 *   forward(x: torch.Tensor) { return moe.topK(this.proj.forward(x).sigmoid(), 2); }
 * }
 * const layer = new moe.MoELayer({ dim: 64, hidden: 128, experts: 8, gate: new SigmoidGate(64, 8) });
 */
export abstract class Gate extends Module {
  /** How much experts take, as the paper or system that the gate comes from has it; options of the layer go first. */
  capacity: CapacityOptions = {};
  /** Whether a model is to tell {@link tokenIds} before each pass. */
  readonly usesTokenIds: boolean = false;
  /** Ids of the tokens of the pass that comes, int64 [T], from a model that knows them. */
  tokenIds: Tensor | null = null;

  /**
   * @param x [T, dim], in the dtype of the model
   * @param request of the layer, for gates that find the rows of the experts themselves ({@link fusedGate})
   */
  abstract override forward(x: Tensor, request?: DispatchRequest): GateOutput;
}

/** What a layer tells a function that makes its gate. */
export interface GateSizes {
  /** Size of a token's vector. */
  dim: number;
  /** E. */
  experts: number;
  /** k, when the layer was given one. */
  topK?: number;
}

/** Makes the gate of one layer. A model with several MoE layers calls it once for each. */
export type GateMaker = (sizes: GateSizes) => Gate;

export interface TopKOptions {
  /** Where the weights are taken from, [T, E], when not from the scores themselves. */
  weights?: Tensor;
  /** Divides the k weights of a token by their sum. Default false. */
  renormalise?: boolean;
  /**
   * Shares for the auxiliary loss, [T, E]. Default: what the weights are taken from, divided by its sum over the
   * experts (as DeepSeek-V3 does, arXiv 2412.19437), which is right for softmax and sigmoid scores.
   */
  probabilities?: Tensor;
}

/**
 * The k experts with the highest scores. The choice has no gradient, the weights have.
 * @param scores [T, E]
 */
export function topK(scores: Tensor, k: number, options: TopKOptions = {}): GateOutput {
  if (scores.ndim !== 2) {
    throw new RangeError(
      `moe.topK: expected scores of shape [tokens, experts], got [${scores.shape.join(", ")}]`,
    );
  }
  const count = scores.shape[1];
  checkCount("moe.topK", "k", k);
  if (k > count) throw new RangeError(`moe.topK: k must not exceed the ${count} experts, got ${k}`);
  const { weights: source = scores, renormalise = false } = options;
  const [best, experts] = scores.topk(k, 1);
  let weights = source === scores ? best : source.gather(1, experts);
  if (renormalise) weights = weights.div(weights.sum(1, true));
  const probabilities = options.probabilities ?? source.div(source.sum(1, true));
  return { experts, weights, probabilities };
}
