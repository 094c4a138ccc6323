import { type DType, dtypeFacts, type TypedArray } from "../torch/dtype.js";
import { tidy } from "../torch/lifetime.js";
import { operator } from "../torch/operator.js";
import { type ShareOptions, type Tensor, tensorOverBuffer } from "../torch/tensor.js";
import {
  type ArrowData,
  type ArrowTable,
  type ArrowType,
  type ArrowVector,
  isData,
  isTable,
  isVector,
  typeId,
} from "./arrowObjects.js";
import { describeType, naturalDType, type PrimitiveType, reinterpretations } from "./elementTypes.js";
import { elementCount } from "./layout.js";
import { readFieldMetadata, rememberedColumn, type TensorColumn } from "./tensorColumn.js";

const concatenate = operator("aten::cat");

export interface FromArrowOptions extends ShareOptions {
  /**
   * What the elements stand for where Arrow's type leaves it open: uint16 holds `"bfloat16"` or `"float16"`, int8 and
   * uint8 may hold `"bool"` (0 and 1). Default: what the field's metadata says, or Arrow's type.
   */
  dtype?: DType;
  /** Which column of a table. Default: its only one. */
  column?: string;
}

/** A column of any source, with what is known about its rows. */
interface Column {
  /** As the error messages name it. */
  label: string;
  type: ArrowType;
  chunks: readonly ArrowData[];
  known: Partial<TensorColumn>;
}

/**
 * A tensor over the memory of an Arrow column: a Vector, a Data, or a column of a Table or RecordBatch (which, unlike
 * a vector, carries the metadata of `arrow.fixed_shape_tensor` and bfloat16). No copy: writes are seen on both sides.
 * The first dimension is the column's length, further ones come from fixed-size lists; a `permutation` gives a
 * permuted view. Objects of either build of apache-arrow are taken.
 * @throws TypeError for nulls, for types that no dtype matches, and where sharing is not possible (bit-packed bools,
 *   columns in several chunks) and `copy` is not set
 */
export function fromArrow(
  source: ArrowVector | ArrowData | ArrowTable,
  options: FromArrowOptions = {},
): Tensor {
  return tensorOfColumn(columnOf(source, options.column), options);
}

/** A tensor per column of a table; see {@link fromArrow}. */
export function fromArrowTable(table: ArrowTable, options: ShareOptions = {}): Record<string, Tensor> {
  return Object.fromEntries(
    table.schema.fields.map(({ name }, index) => [name, tensorOfColumn(columnAt(table, index), options)]),
  );
}

function columnOf(source: ArrowVector | ArrowData | ArrowTable, name: string | undefined): Column {
  if (typeof source === "object" && source !== null) {
    if (isTable(source)) return columnAt(source, columnIndex(source, name));
    if (isVector(source)) return plainColumn(source.type, source.data);
    if (isData(source)) return plainColumn(source.type, [source]);
  }
  throw new TypeError(
    "fromArrow: expected an Arrow Vector, Data, Table or RecordBatch, got " +
      `${ArrayBuffer.isView(source) ? "a typed array (use torch.fromTypedArray)" : describeValue(source)}`,
  );
}

function describeValue(value: unknown): string {
  return typeof value === "object" && value !== null ? `a ${value.constructor?.name}` : String(value);
}

function columnIndex(table: ArrowTable, name: string | undefined): number {
  const names = table.schema.fields.map((field) => field.name);
  if (name === undefined && names.length === 1) return 0;
  const index = name === undefined ? -1 : names.indexOf(name);
  if (index >= 0) return index;
  const list = names.map((each) => `"${each}"`).join(", ");
  throw new TypeError(
    name === undefined
      ? `fromArrow: the table has ${names.length} columns (${list}); name one with { column }, or use fromArrowTable`
      : `fromArrow: the table has no column "${name}", only ${list}`,
  );
}

function columnAt(table: ArrowTable, index: number): Column {
  const { name, type, metadata } = table.schema.fields[index];
  const chunks = table.getChildAt(index)?.data ?? [];
  const remembered = rememberedColumn(chunks[0]?.type ?? type);
  const known = { ...remembered, ...readFieldMetadata(metadata, name) };
  return { label: `column "${name}"`, type, chunks, known };
}

function plainColumn(type: ArrowType, chunks: readonly ArrowData[]): Column {
  return { label: "the column", type, chunks, known: rememberedColumn(type) ?? {} };
}

interface ListType extends ArrowType {
  readonly listSize: number;
  readonly children: readonly { readonly type: ArrowType }[];
}

function tensorOfColumn(column: Column, options: FromArrowOptions): Tensor {
  const { label, chunks, known } = column;
  const listSizes: number[] = [];
  let leaf: ArrowType = chunks[0]?.type ?? column.type;
  while (leaf.typeId === typeId.fixedSizeList) {
    const list = leaf as ListType;
    listSizes.push(list.listSize);
    leaf = list.children[0].type;
  }
  const dtype = elementDType(column, leaf, options.dtype);
  const rowElements = elementCount(listSizes);
  const rowShape = known.rowShape ?? listSizes;
  if (elementCount(rowShape) !== rowElements) {
    throw new TypeError(
      `fromArrow: ${label} declares rows of shape [${rowShape.join(", ")}], but they have ${rowElements} elements`,
    );
  }
  const rows = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const whole =
    rows === 1 && known.whole && elementCount(known.whole) === rowElements ? known.whole : undefined;

  const { copy = false } = options;
  if (!copy) {
    const reason = whyNotShared(chunks.length, leaf);
    if (reason) throw new TypeError(`fromArrow: ${label} ${reason}; pass { copy: true }`);
  }
  return tidy(() => {
    const parts = chunks.map((chunk) => {
      const values = chunkElements(label, chunk, listSizes, dtype);
      return tensorOverBuffer(values, 0, [chunk.length, ...rowShape], dtype);
    });
    const shared = parts.length === 1 ? parts[0] : joined(parts, rowShape, dtype);
    const owned = copy && parts.length === 1 ? shared.clone() : shared;
    const { permutation } = known;
    const permuted = permutation ? owned.permute([0, ...permutation.map((at) => at + 1)]) : owned;
    return whole ? permuted.squeeze(0).view([...whole]) : permuted;
  });
}

function joined(parts: Tensor[], rowShape: readonly number[], dtype: DType): Tensor {
  if (parts.length > 0) return concatenate(parts, 0) as Tensor;
  return tensorOverBuffer(new dtypeFacts[dtype].array(0), 0, [0, ...rowShape], dtype);
}

function whyNotShared(chunks: number, leaf: PrimitiveType): string | undefined {
  if (chunks > 1) return `is in ${chunks} chunks, which are not one stretch of memory`;
  if (leaf.typeId === typeId.bool) return "holds bools of one bit each, a tensor's have a byte";
  return undefined;
}

function elementDType(column: Column, leaf: PrimitiveType, asked: DType | undefined): DType {
  const natural = leaf.typeId === typeId.bool ? "bool" : naturalDType(leaf);
  const others = reinterpretations(leaf);
  const wanted = asked ?? column.known.dtype ?? natural;
  if (wanted !== undefined && (wanted === natural || others.includes(wanted))) return wanted;
  const name = describeType(leaf);
  if (asked !== undefined && natural !== undefined) {
    throw new TypeError(
      `fromArrow: ${column.label} has elements of type ${name}, which cannot be taken for ${asked}; ` +
        `leave dtype out and convert with .to("${asked}")`,
    );
  }
  throw new TypeError(
    others.length > 0
      ? `fromArrow: ${column.label} has elements of type ${name}, which is no dtype; ` +
          `say what they hold: ${others.map((other) => `{ dtype: "${other}" }`).join(" or ")}`
      : `fromArrow: ${column.label} has elements of type ${name}; expected integers of 8 to 64 bits ` +
          "(unsigned: 8 bits), floats, bools, or fixed-size lists of them. Cast the column first",
  );
}

/** The elements of a chunk, as bytes of the dtype; the memory of the column except for bit-packed bools. */
function chunkElements(
  label: string,
  chunk: ArrowData,
  listSizes: readonly number[],
  dtype: DType,
): TypedArray {
  let data = chunk;
  let elements = chunk.length;
  refuseNulls(label, data);
  for (const size of listSizes) {
    elements *= size;
    data = data.children[0];
    refuseNulls(label, data);
  }
  if (data.type.typeId === typeId.bool) return unpackBits(label, data.values, data.offset, elements);
  const values = data.values as TypedArray;
  const width = dtypeFacts[dtype].bytes;
  if (!ArrayBuffer.isView(values) || values.byteLength < elements * width) {
    const has = ArrayBuffer.isView(values) ? values.byteLength : 0;
    throw new RangeError(`fromArrow: ${label} needs ${elements * width} bytes, its buffer has ${has}`);
  }
  return values.subarray(0, elements) as TypedArray;
}

function refuseNulls(label: string, data: ArrowData): void {
  if (data.nullCount > 0) {
    throw new TypeError(
      `fromArrow: ${label} has ${data.nullCount} nulls, which tensors have not; fill or drop them first`,
    );
  }
}

function unpackBits(label: string, bits: Uint8Array, offset: number, length: number): Uint8Array {
  if (bits.length * 8 < offset + length) {
    throw new RangeError(
      `fromArrow: ${label} needs ${offset + length} bits, its buffer has ${bits.length * 8}`,
    );
  }
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (bits[(offset + at) >> 3] >> ((offset + at) & 7)) & 1;
  return bytes;
}
