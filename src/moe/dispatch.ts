import { zeros } from "../torch/operators.generated.js";
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
  /** Assignments each expert was given, int64 [E]. */
  load: Tensor;
  /** Assignments each expert takes, int64 [E]: lengths of the runs of rows. */
  taken: Tensor;
}

/**
 * @param experts chosen experts, int64 [T, k]
 * @param count E
 * @param capacity most assignments an expert takes; null for no limit
 */
export function dispatch(experts: Tensor, count: number, capacity: number | null): Dispatch {
  const [tokens] = experts.shape;
  const assignments = experts.t().reshape([-1]);
  const [order, load, taken]: [Tensor, Tensor, Tensor] = ops.moelab.order_by_expert(
    assignments,
    count,
    capacity ?? -1,
  );
  return { order, tokens: tokens === 0 ? order : order.remainder(tokens), load, taken };
}

/**
 * Assignments an expert takes at most: ⌈T·k / E · capacityFactor⌉ (GShard; DeepSpeed's top-k).
 * @returns null without a capacity factor: dropless
 */
export function expertCapacity(
  tokens: number,
  topK: number,
  experts: number,
  capacityFactor: number | null,
): number | null {
  return capacityFactor === null ? null : Math.ceil(((tokens * topK) / experts) * capacityFactor);
}

/** Weight of each row of the experts' output, [rows], with the history of `weights` ([T, k]). */
export function rowWeights(weights: Tensor, { order }: Dispatch): Tensor {
  return weights.t().reshape([-1]).indexSelect(0, order);
}

/** Sum of the rows of each token: [rows, dim] → [T, dim]; tokens without rows get zeros. */
export function combine(rows: Tensor, { tokens }: Dispatch, count: number): Tensor {
  return zeros([count, rows.shape[1]], { dtype: rows.dtype, device: rows.device }).indexAdd(0, tokens, rows);
}

/** `weights` ([T, k]) with 0 where the assignment was dropped. */
export function weightsTaken(weights: Tensor, { order }: Dispatch): Tensor {
  const [tokens, k] = weights.shape;
  if (order.shape[0] === tokens * k) return weights;
  const taken = zeros([tokens * k], { dtype: weights.dtype, device: weights.device }).scatter(0, order, 1);
  return weights.mul(taken.view([k, tokens]).t());
}
