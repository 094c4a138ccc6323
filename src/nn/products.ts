import { autocastDtype } from "../torch/autocast.js";
import { isGradEnabled } from "../torch/autograd.js";
import { linear } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import { hasKernel } from "./kernels.js";

/** Rows of x up to which reading the weights is what takes the time. */
const mostFewRows = 8;

/**
 * x·Wᵀ for each of several weights. A few rows without gradients, as when tokens are generated one by one, go through all
 * weights in one pass at the speed of memory.
 * @param x [..., inputs]
 * @param weights each [outputs, inputs]
 */
export function products(x: Tensor, weights: readonly Tensor[]): Tensor[] {
  const few =
    x.numel <= mostFewRows * x.shape[x.ndim - 1] &&
    x.numel > 0 &&
    hasKernel(x) &&
    weights.every(({ dtype, device }) => dtype === x.dtype && device === x.device) &&
    !isGradEnabled() &&
    autocastDtype(x.device) === null;
  return few ? ops.moelab.linear_few_rows(x, weights) : weights.map((weight) => linear(x, weight));
}
