import type { DType, TypedArray } from "../torch/dtype.js";
import { tidy } from "../torch/lifetime.js";
import type { ShareOptions, Tensor } from "../torch/tensor.js";
import type { ArrowTable, ArrowVector } from "./arrowObjects.js";
import { storageType } from "./elementTypes.js";
import { elementCount, inverse, isIdentity, memoryOrder } from "./layout.js";
import { arrowLibrary } from "./library.js";
import { fieldMetadata, rememberColumn, rememberedColumn, type TensorColumn } from "./tensorColumn.js";

/** Elements of a row: the list size of Arrow's fixed-size lists is an int32. */
export const maxListSize = 2 ** 31 - 1;

/** See `Tensor.toArrow`. */
export function toArrow(tensor: Tensor, options: ShareOptions = {}): ArrowVector {
  const { copy = false } = options;
  const { arrow } = arrowLibrary();
  const { dtype, shape } = tensor;
  const order = copy ? shape.map((_, dimension) => dimension) : sharedOrder(tensor);
  const physicalShape = order.map((dimension) => shape[dimension]);
  const rowShape = physicalShape.slice(1);
  const rowElements = elementCount(rowShape);
  if (rowElements > maxListSize) {
    throw new RangeError(
      `toArrow: a row of shape [${shape.join(", ")}] has ${rowElements} elements, Arrow's lists hold ${maxListSize}; ` +
        "reshape the tensor so that its first dimension is larger",
    );
  }
  const values = tidy(() => (copy ? tensor : tensor.detach().permute(order)).asTypedArray({ copy }));
  const length = shape.length === 0 ? 1 : shape[0];
  const bitPacked = copy && dtype === "bool";
  let data = bitPacked
    ? arrow.makeData({ type: new arrow.Bool(), length: values.length, nullCount: 0, data: packBits(values) })
    : plainData(dtype, values);
  if (shape.length > 1) {
    const item = new arrow.Field("item", data.type, false);
    const type = new arrow.FixedSizeList(rowElements, item);
    data = arrow.makeData({ type, length, nullCount: 0, child: data }) as never;
  }
  const permutation = inverse(order.slice(1).map((dimension) => dimension - 1));
  rememberColumn(data.type, {
    dtype,
    rowShape,
    ...(bitPacked ? { bitPacked } : {}),
    ...(isIdentity(permutation) ? {} : { permutation }),
    ...(shape.length === 0 ? { whole: [] } : {}),
  });
  return new arrow.Vector([data]) as never;
}

/** Dimensions from the outermost in memory to the innermost. */
function sharedOrder(tensor: Tensor): number[] {
  const order = memoryOrder(tensor.shape, tensor.strides);
  if (order === null || (order.length > 0 && order[0] !== 0)) {
    throw new TypeError(
      `toArrow: the memory of a tensor of shape [${tensor.shape.join(", ")}] with strides ` +
        `[${tensor.strides.join(", ")}] is not that of an Arrow column, whose rows lie one after another without ` +
        "gaps; pass { copy: true }, or call contiguous() first",
    );
  }
  return order;
}

function plainData(dtype: DType, values: TypedArray) {
  const { arrow } = arrowLibrary();
  // Bools are shared as the int8 of arrow.bool8.
  const data =
    dtype === "bool" ? new Int8Array(values.buffer, values.byteOffset, values.length) : (values as Int8Array);
  return arrow.makeData({ type: storageType(dtype) as never, length: values.length, nullCount: 0, data });
}

function packBits(bytes: TypedArray): Uint8Array {
  const bits = new Uint8Array(Math.ceil(bytes.length / 64) * 8);
  for (let at = 0; at < bytes.length; at++) if (bytes[at]) bits[at >> 3] |= 1 << (at & 7);
  return bits;
}

export interface ToArrowTableOptions extends ShareOptions {
  /** Metadata of the table's schema. */
  metadata?: Record<string, string>;
}

/**
 * A table with a column per tensor, sharing their memory. Rows are the first dimension, the same for all; further
 * dimensions are declared as `arrow.fixed_shape_tensor`, which other Arrow libraries read as tensors.
 * @typeParam Table give `arrow.Table` to use the result with apache-arrow's own functions
 * @throws TypeError when first dimensions differ, or a tensor cannot be shared and `copy` is not set
 */
export function toArrowTable<Table extends ArrowTable = ArrowTable>(
  tensors: Record<string, Tensor>,
  options: ToArrowTableOptions = {},
): Table {
  const { arrow } = arrowLibrary();
  const columns = Object.entries(tensors).map(([name, tensor]) => {
    const vector = toArrow(tensor, options);
    const column = rememberedColumn(vector.type) as TensorColumn;
    return { vector, field: new arrow.Field(name, vector.type as never, false, fieldMetadata(column)) };
  });
  const length = columns[0]?.vector.length ?? 0;
  for (const { vector, field } of columns) {
    if (vector.length !== length) {
      throw new TypeError(
        `toArrowTable: column "${columns[0].field.name}" has ${length} rows, "${field.name}" ${vector.length}; ` +
          "the first dimensions must be equal. saveArrow stores tensors of any shapes",
      );
    }
  }
  const fields = columns.map(({ field }) => field);
  const schema = new arrow.Schema(fields, new Map(Object.entries(options.metadata ?? {})));
  const children = columns.map(({ vector }) => vector.data[0]) as never;
  const rows = arrow.makeData({ type: new arrow.Struct(fields), length, nullCount: 0, children });
  return new arrow.Table([new arrow.RecordBatch(schema, rows)]) as never;
}
