import { dtypeFacts } from "../torch/dtype.js";
import { _groupedMm } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * One matrix product for each expert: rows of x come in runs, the first for expert 0 and so on. `moelab::grouped_linear`
 * on the CPU; on other devices ATen's grouped product, where it fits.
 * @param x [rows, in]
 * @param weight [E, out, in]
 * @param taken length of each run, int64 [E]
 * @returns [rows, out]
 */
export function groupedLinear(x: Tensor, weight: Tensor, taken: Tensor): Tensor {
  if (x.device !== "cpu" && fitsGroupedProduct(x, weight)) {
    return _groupedMm(x, weight.transpose(1, 2), taken.cumsum(0).to("int32"));
  }
  return ops.moelab.grouped_linear(x, weight, taken);
}

/** What ATen's grouped product asks for: no float64, rows (in, and out for the gradient) that are multiples of 16 bytes. */
function fitsGroupedProduct(x: Tensor, weight: Tensor): boolean {
  const { dtype } = x;
  if (dtype === "float64" || x.shape[0] === 0) return false;
  const [, outputs, inputs] = weight.shape;
  const { bytes } = dtypeFacts[dtype];
  return (inputs * bytes) % 16 === 0 && (outputs * bytes) % 16 === 0;
}
