import { zeros } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * Which assignments are computed, in the order of their experts. An assignment is a pair of a token t and its choice
 * c; they are numbered c·T + t, so that under a capacity all first choices come before any second choice and, among
 * equals, earlier tokens before later ones (GShard, arXiv 2006.16668).
 */
export interface Dispatch {
  /** Assignment at each row of the experts' input, int64 [rows]; within an expert in the order of their numbers. */
  order: Tensor;
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
  const { capacity, groups = 1, priority = null, kept = null } = options;
  const [order, load, taken]: Tensor[] = ops.moelab.dispatch(
    experts,
    count,
    capacity ?? -1,
    groups,
    priority,
    kept,
  );
  return { order, load, taken };
}

/**
 * The token of each row.
 * @param x [T, dim]
 * @param choices k
 * @returns [rows, dim]
 */
export function permute(x: Tensor, { order, taken }: Dispatch, choices: number): Tensor {
  return ops.moelab.permute(x, order, taken, choices);
}

/**
 * Σ over the rows of each token of weight · row; tokens without rows get zeros.
 * @param rows the experts' answers, [rows, dim]
 * @param weights [T, k]
 * @returns [T, dim]
 */
export function unpermute(rows: Tensor, weights: Tensor, { order, taken }: Dispatch): Tensor {
  const factors = weights.to(rows.dtype === "float64" ? "float64" : "float32");
  return ops.moelab.unpermute(rows, factors, order, taken);
}

/** `weights` ([T, k]) with 0 where the assignment was dropped. */
export function weightsTaken(weights: Tensor, { order }: Dispatch): Tensor {
  const [tokens, k] = weights.shape;
  if (order.shape[0] === tokens * k) return weights;
  const taken = zeros([tokens * k], { dtype: weights.dtype, device: weights.device }).scatter(0, order, 1);
  return weights.mul(taken.view([k, tokens]).t());
}
