import { type DType, dtypeFacts } from "../torch/dtype.js";
import type { ArrowType } from "./arrowObjects.js";
import { elementCount, isIdentity, isPermutation } from "./layout.js";

/**
 * What the rows of a column are. Arrow's canonical extension types say it in the metadata of the field:
 * `arrow.fixed_shape_tensor` for rows of one dimension or more, `arrow.bool8` for bools of a byte each. Arrow has no
 * bfloat16: its bits are stored as uint16, named `moelab.bfloat16` for plain columns. `moelab.dtype` repeats the dtype
 * where rows have dimensions (one field can carry one extension name), `moelab.shape` tells a column that holds one
 * whole tensor from one whose rows are its first dimension.
 */
export interface TensorColumn {
  dtype: DType;
  /** Sizes of a row's dimensions, in their order in memory; empty for plain numbers. */
  rowShape: readonly number[];
  /** Dimension `i` of a row is the one at `permutation[i]` in memory. Left out when they are the same. */
  permutation?: readonly number[];
  /** Shape of the tensor that the column's only row (or number) is. Left out when rows are the first dimension. */
  whole?: readonly number[];
  /** Rows are `arrow.fixed_shape_tensor` even without dimensions. */
  fixedShape?: boolean;
  /** All elements are one large list, for tensors beyond the size of fixed-size lists. */
  largeList?: boolean;
  /** Bools as Arrow's own bit-packed Bool, which needs no declaration. */
  bitPacked?: boolean;
}

const extensionName = "ARROW:extension:name";
const extensionMetadata = "ARROW:extension:metadata";
const dtypeKey = "moelab.dtype";
const shapeKey = "moelab.shape";

export function fieldMetadata(column: TensorColumn): Map<string, string> {
  const metadata = new Map<string, string>();
  const { dtype, rowShape, permutation } = column;
  const declared = dtype === "bfloat16" || (dtype === "bool" && !column.bitPacked);
  if (rowShape.length > 0 || column.fixedShape) {
    metadata.set(extensionName, "arrow.fixed_shape_tensor");
    metadata.set(
      extensionMetadata,
      JSON.stringify(
        permutation && !isIdentity(permutation) ? { shape: rowShape, permutation } : { shape: rowShape },
      ),
    );
  } else if (declared && !column.largeList) {
    metadata.set(extensionName, dtype === "bool" ? "arrow.bool8" : "moelab.bfloat16");
    metadata.set(extensionMetadata, "");
  }
  if (declared) metadata.set(dtypeKey, dtype);
  if (column.whole) metadata.set(shapeKey, JSON.stringify(column.whole));
  return metadata;
}

/**
 * What a field's metadata says, as far as it says it.
 * @throws TypeError when it contradicts itself
 */
export function readFieldMetadata(
  metadata: ReadonlyMap<string, string>,
  name: string,
): Partial<TensorColumn> {
  const column: Partial<TensorColumn> = {};
  const extension = metadata.get(extensionName);
  if (extension === "arrow.fixed_shape_tensor") {
    const { shape, permutation } = parse(metadata.get(extensionMetadata), name, extension) as {
      shape?: unknown;
      permutation?: unknown;
    };
    if (!isShape(shape)) throw malformed(name, extension, `shape ${JSON.stringify(shape)}`);
    column.rowShape = shape;
    column.fixedShape = true;
    if (permutation !== undefined && permutation !== null) {
      if (!Array.isArray(permutation) || !isPermutation(permutation, shape.length)) {
        throw malformed(name, extension, `permutation ${JSON.stringify(permutation)}`);
      }
      column.permutation = permutation;
    }
  } else if (extension === "arrow.bool8") column.dtype = "bool";
  else if (extension === "moelab.bfloat16") column.dtype = "bfloat16";
  const dtype = metadata.get(dtypeKey);
  if (dtype !== undefined) {
    if (!(dtype in dtypeFacts)) throw malformed(name, dtypeKey, dtype);
    column.dtype = dtype as DType;
  }
  const whole = metadata.get(shapeKey);
  if (whole !== undefined) {
    const shape = parse(whole, name, shapeKey);
    if (!isShape(shape)) throw malformed(name, shapeKey, whole);
    column.whole = shape;
  }
  return column;
}

function parse(text: string | undefined, name: string, key: string): unknown {
  try {
    const value = JSON.parse(text ?? "");
    if (typeof value === "object" && value !== null) return value;
  } catch {}
  throw malformed(name, key, String(text));
}

function malformed(name: string, key: string, value: string): TypeError {
  return new TypeError(`column "${name}": its ${key} metadata is not valid: ${value.slice(0, 200)}`);
}

function isShape(shape: unknown): shape is number[] {
  return (
    Array.isArray(shape) &&
    shape.every((size) => Number.isSafeInteger(size) && size >= 0) &&
    Number.isSafeInteger(elementCount(shape))
  );
}

/**
 * A vector has no place for a field's metadata, so what `toArrow` made is remembered by the vector's type object, which
 * slices and tables of the vector keep.
 */
const remembered = new WeakMap<ArrowType, TensorColumn>();

export function rememberColumn(type: ArrowType, column: TensorColumn): void {
  remembered.set(type, column);
}

export function rememberedColumn(type: ArrowType): TensorColumn | undefined {
  return remembered.get(type);
}
