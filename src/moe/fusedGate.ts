import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import type { DropPolicy } from "./capacity.js";
import type { Dispatch } from "./dispatch.js";
import type { GateOutput } from "./gate.js";

/** What a layer's experts take of a pass: what a gate has to know that finds their rows itself. */
export interface DispatchRequest {
  /** Most assignments an expert takes of each group when each token makes so many; null for no limit. */
  capacity(choices: number): number | null;
  /** Groups of consecutive tokens, each with the capacity of its own. */
  groups: number;
  /** As it holds in this pass: "random" in training only. */
  dropPolicy: DropPolicy;
}

/**
 * What a gate found out along with its choice. It holds for these very `experts`, `probabilities` and `kept`: in a gate's
 * output beside others it is not looked at.
 */
export interface FusedRouting {
  experts: Tensor;
  probabilities: Tensor;
  kept?: Tensor;
  /** Rows of the experts; left out where the gate was not told what they take. */
  dispatched?: Dispatch;
  /** Sum over the tokens of each expert's probability, [E], with history. */
  probabilitySums?: Tensor;
  /** Tokens whose first choice each expert is, int64 [E]. */
  firstLoad?: Tensor;
}

export interface FusedGateOptions {
  /** Scores of the experts: their softmax, or each its sigmoid. Default "softmax". */
  scoring?: "softmax" | "sigmoid";
  /** Divides the k weights of a token by their sum; for softmax that is the softmax over the chosen logits. Default false. */
  renormalise?: boolean;
  /** Factor of the weights. Default 1. */
  scale?: number;
  /** Added to the scores for the choice alone, [E]. Default: none. */
  bias?: Tensor;
  /** Experts are cut into so many groups of equal size. Default 1. */
  expertGroups?: number;
  /** A token's experts all come from so many groups, those with the largest sum of their two best scores. Default: all. */
  topKGroups?: number;
}

/**
 * Scores, their k largest, weights, probabilities, counts and rows in one operator, `moelab::gate`. Of experts with equal
 * scores those of the lower index are chosen; NaN and infinite logits give NaN weights in their rows, which go through the
 * layer to the loss.
 * @param logits [T, E], with history
 * @param request of the layer, for the rows of its experts
 */
export function fusedGate(
  logits: Tensor,
  k: number,
  options: FusedGateOptions,
  request?: DispatchRequest,
): GateOutput {
  const { scoring = "softmax", renormalise = false, scale = 1, bias = null } = options;
  const { expertGroups = 1, topKGroups = expertGroups } = options;
  const capacity = request?.capacity(k) ?? null;
  // Whose turn it is comes from the layer where it is drawn by lot.
  const finds = request !== undefined && !(capacity !== null && request.dropPolicy === "random");
  const [experts, weights, probabilities, probabilitySums, load, firstLoad, order, taken]: Tensor[] =
    ops.moelab.gate(logits, k, {
      ...{ bias, scoring, renormalise, scale, expertGroups, topGroups: topKGroups },
      ...(finds && capacity !== null
        ? { capacity, groups: request.groups, byWeight: request.dropPolicy === "probabilities" }
        : {}),
    });
  const dispatched = finds ? { order, load, taken } : undefined;
  const fused = { experts, probabilities, probabilitySums, firstLoad, dispatched };
  return { experts, weights, probabilities, logits, fused };
}
