import { type DType, dtypeFacts } from "../torch/dtype.js";
import { operator, operatorOverload } from "../torch/operator.js";
import type { Tensor } from "../torch/tensor.js";

const fromFile = operator("aten::from_file");
const viewAs = operatorOverload("aten::view", "dtype");
const empty = operator("aten::empty");

/**
 * The bytes of a file as a tensor over a private mapping: pages are read when they are first touched; writes change
 * this process's pages only, never the file. The mapping lasts as long as a view of it.
 * The file must not be cut shorter while it is mapped; replacing it by renaming another over it is fine.
 */
export function mapFile(path: string, bytes: number): Tensor {
  return fromFile(path, false, bytes, { dtype: "uint8" }) as Tensor;
}

/** Elements of a mapped file, from a byte offset that is a multiple of their size. */
export function mappedTensor(mapped: Tensor, offset: number, shape: readonly number[], dtype: DType): Tensor {
  const elements = shape.reduce((product, size) => product * size, 1);
  const bytes = mapped.narrow(0, offset, elements * dtypeFacts[dtype].bytes);
  const view = (viewAs(bytes, dtype) as Tensor).view([...shape]);
  // Views share a version counter: without one of its own, a change of one tensor of the file in place would make
  // autograd refuse a backward pass through the others.
  const tensor = empty([0], { dtype }) as Tensor;
  tensor.setData(view);
  return tensor;
}
