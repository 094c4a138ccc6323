import { arange, zeros } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * Which assignments are computed, in the order of their experts. An assignment is a pair of a token t and its choice
 * c; they are numbered c·T + t, so that under a capacity all first choices come before any second choice and, among
 * equals, earlier tokens before later ones (GShard, arXiv 2006.16668).
 */
export interface Dispatch {
  /** Assignment at each row of the experts' input, int64 [rows]. */
  order: Tensor;
  /** Token at each row, int64 [rows]. */
  tokens: Tensor;
  /** Assignments each expert was given and that are kept, int64 [E]. */
  load: Tensor;
  /** Assignments each expert takes, int64 [E]: lengths of the runs of rows. */
  taken: Tensor;
}

export interface DispatchOptions {
  /** Most assignments an expert takes of each group; null for no limit. Default null. */
  capacity?: number | null;
  /** Groups of consecutive tokens, each with the capacity of its own. Default 1. */
  groups?: number;
  /** Under a capacity those with more come first, [T, k]. Default: by their numbers. */
  priority?: Tensor;
  /** False where an assignment is not to be computed, bool [T, k]. Default: all are. */
  kept?: Tensor;
}

/**
 * @param experts chosen experts, int64 [T, k]
 * @param count E
 */
export function dispatch(experts: Tensor, count: number, options: DispatchOptions = {}): Dispatch {
  const { capacity = null, groups = 1, priority, kept } = options;
  const [tokens] = experts.shape;
  const assignments = byNumber(experts);
  const tokenOf = (order: Tensor) => (tokens === 0 ? order : order.remainder(tokens));
  if (!kept && (capacity === null || (groups === 1 && !priority))) {
    const [order, load, taken] = orderByExpert(assignments, count, capacity);
    return { order, tokens: tokenOf(order), load, taken };
  }
  let candidates = kept
    ? byNumber(kept).nonzero().reshape([-1])
    : arange(assignments.shape[0], { dtype: "int64", device: experts.device });
  if (capacity !== null && priority) {
    const rank = byNumber(priority).indexSelect(0, candidates);
    const [, first] = rank.sort({ stable: true, dim: 0, descending: true });
    candidates = candidates.indexSelect(0, first);
  }
  if (capacity !== null && groups > 1) {
    const group = tokenOf(candidates).div(tokens / groups, { roundingMode: "floor" });
    const buckets = assignments.indexSelect(0, candidates).add(group.mul(count));
    const [within] = orderByExpert(buckets, count * groups, capacity);
    candidates = candidates.indexSelect(0, within);
  }
  const limit = groups > 1 ? null : capacity;
  const [place, , taken] = orderByExpert(assignments.indexSelect(0, candidates), count, limit);
  const order = candidates.indexSelect(0, place);
  const asked = kept ? assignments.indexSelect(0, byNumber(kept).nonzero().reshape([-1])) : assignments;
  return { order, tokens: tokenOf(order), load: asked.bincount(null, count), taken };
}

/** [T, k] in the order of the assignments' numbers, [k·T]. */
function byNumber(perChoice: Tensor): Tensor {
  return perChoice.t().reshape([-1]);
}

function orderByExpert(expert: Tensor, count: number, capacity: number | null): [Tensor, Tensor, Tensor] {
  return ops.moelab.order_by_expert(expert, count, capacity ?? -1);
}

/**
 * Σ over the rows of each token of weight · row; tokens without rows get zeros.
 * @param rows the experts' answers, [rows, dim]
 * @param weights [T, k]
 * @returns [T, dim]
 */
export function combineWeighted(rows: Tensor, weights: Tensor, { order, tokens }: Dispatch): Tensor {
  const factors = byNumber(weights).indexSelect(0, order).to(rows.dtype).unsqueeze(1);
  const sums = zeros([weights.shape[0], rows.shape[1]], { dtype: rows.dtype, device: rows.device });
  return sums.indexAdd(0, tokens, rows.mul(factors));
}

/** `weights` ([T, k]) with 0 where the assignment was dropped. */
export function weightsTaken(weights: Tensor, { order }: Dispatch): Tensor {
  const [tokens, k] = weights.shape;
  if (order.shape[0] === tokens * k) return weights;
  const taken = zeros([tokens * k], { dtype: weights.dtype, device: weights.device }).scatter(0, order, 1);
  return weights.mul(taken.view([k, tokens]).t());
}
