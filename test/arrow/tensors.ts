import { type DType, dtypeFacts } from "../../src/torch/dtype.js";
import type { Tensor } from "../../src/torch/index.js";
import * as torch from "../../src/torch/index.js";

export const dtypes = Object.keys(dtypeFacts) as DType[];

/** One shape per rank, and some without elements. */
export const shapes: number[][] = [[], [5], [3, 4], [2, 3, 4], [2, 1, 3, 5], [0], [0, 3], [2, 0]];

/** Small whole numbers, exact in every dtype; 0 and 1 in turn for bool. */
export function numbered(shape: number[], dtype: DType): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const plain = torch.arange(0, count, 1, { dtype: "float32" });
  const values = dtype === "bool" ? plain.remainder(2) : plain;
  return values.to(dtype).view(shape);
}

/** A number the first element does not have yet, as its bytes. */
export function overwriteFirst(tensor: Tensor): void {
  tensor
    .view([-1])
    .narrow(0, 0, 1)
    .fill_(tensor.dtype === "bool" ? 1 : 77);
}

/** Bits, so that halves and NaNs are compared exactly. */
export function bytesOf(tensor: Tensor): number[] {
  const values = tensor.contiguous().asTypedArray({ copy: true });
  return [...new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
}
