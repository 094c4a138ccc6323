import "./methods.js";
import "./termination.js";

export {
  arrowMetadata,
  fromArrow,
  fromArrowTable,
  openArrow,
  saveArrow,
  toArrowTable,
} from "../arrow/index.js";
export { TorchError } from "../engine/errors.js";
export { autocast, autocastDtype, withoutAutocast } from "./autocast.js";
export * from "./autograd.js";
export * from "./creation.js";
export type { DType, TypedArray } from "./dtype.js";
export { collectGarbage, keep, memoryUsage, tidy } from "./lifetime.js";
export type { Device, MemoryFormat, Reduction, Scalar } from "./operator.js";
export * from "./operators.generated.js";
export { ops } from "./ops.js";
export { type NestedNumbers, type ShareOptions, Tensor, type ToOptions } from "./tensor.js";
