import { dtypeFacts } from "../torch/dtype.js";
import { _groupedMm, cat, linear } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * One matrix product for each expert: rows of x come in runs, the first for expert 0 and so on.
 * @param x [rows, in]
 * @param weight [E, out, in]
 * @param taken length of each run, int64 [E]
 * @returns [rows, out]
 */
export function groupedLinear(x: Tensor, weight: Tensor, taken: Tensor): Tensor {
  if (fitsGroupedKernel(x, weight)) {
    return _groupedMm(x, weight.transpose(1, 2), taken.cumsum(0).to("int32"));
  }
  const counts = taken.toArray() as number[];
  const weights = weight.unbind(0);
  const outputs = x.splitWithSizes(counts).map((rows, expert) => linear(rows, weights[expert]));
  return cat(outputs);
}

/** What ATen's grouped product asks for: no float64, rows (in, and out for the gradient) that are multiples of 16 bytes. */
function fitsGroupedKernel(x: Tensor, weight: Tensor): boolean {
  const { dtype } = x;
  if (dtype === "float64" || x.shape[0] === 0) return false;
  const [, outputs, inputs] = weight.shape;
  const { bytes } = dtypeFacts[dtype];
  return (inputs * bytes) % 16 === 0 && (outputs * bytes) % 16 === 0;
}
