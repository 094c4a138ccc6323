import { mapFile, mappedTensor } from "../files/mapping.js";
import { type DType, dtypeFacts } from "../torch/dtype.js";
import { tidy } from "../torch/lifetime.js";
import { operator } from "../torch/operator.js";
import type { Tensor } from "../torch/tensor.js";
import { typeId } from "./arrowObjects.js";
import { describeType, naturalDType, reinterpretations } from "./elementTypes.js";
import { type FileColumn, fileColumns } from "./fileColumns.js";
import { ArrowFileError, type FileField, readFileMetadata } from "./fileMetadata.js";
import { elementCount } from "./layout.js";
import { readFieldMetadata } from "./tensorColumn.js";

const concatenate = operator("aten::cat");
const empty = operator("aten::empty");

export interface OpenArrowOptions {
  /** The columns to open. Default: all. */
  columns?: readonly string[];
  /** Copies columns that are split into several record batches. Default false: an error for them. */
  copy?: boolean;
}

/**
 * The tensors of an Arrow IPC file, by their names. The file is mapped, not read: opening takes milliseconds whatever
 * its size, and memory grows only with what is touched. Writes to a tensor change this process's copy of the page,
 * never the file. Tensors that were tied when the file was written share memory again.
 *
 * Takes files of `saveArrow` and of other Arrow libraries: numbers, fixed-size lists of them and
 * `arrow.fixed_shape_tensor`, with the column's length as the first dimension.
 * @throws ArrowFileError for files that are damaged, compressed, or hold what no tensor can
 */
export function openArrow(path: string, options: OpenArrowOptions = {}): Record<string, Tensor> {
  const file = readFileMetadata(path);
  const wanted = options.columns && new Set(options.columns);
  for (const name of wanted ?? []) {
    if (file.fields.some((field) => field.name === name)) continue;
    const names = file.fields.map((field) => `"${field.name}"`).join(", ");
    throw new ArrowFileError(path, `it has no column "${name}", only ${names}`);
  }
  const fields = fileColumns(file, path).filter(({ field }) => !wanted || wanted.has(field.name));
  const { mapped, tensors } = tidy(() => {
    const mapped = mapFile(path, file.bytes);
    const tensors = fields.map((column) => columnTensor(column, mapped, path, options.copy ?? false));
    return { mapped, tensors };
  });
  // Only now: as long as it lived, no tensor counted as the owner of memory, of which a mapping holds none.
  mapped.dispose();
  return Object.fromEntries(fields.map(({ field }, index) => [field.name, tensors[index]]));
}

/** The metadata a file was written with: the `metadata` of `saveArrow`, or that of any Arrow schema. */
export function arrowMetadata(path: string): Record<string, string> {
  return Object.fromEntries(readFileMetadata(path).metadata);
}

function columnTensor({ field, parts }: FileColumn, mapped: Tensor, path: string, copy: boolean): Tensor {
  const fail = (problem: string) => new ArrowFileError(path, `column "${field.name}" ${problem}`);
  const known = readFieldMetadata(field.metadata, field.name);
  const listSizes: number[] = [];
  let leaf = field;
  while (leaf.type.typeId === typeId.fixedSizeList && leaf.children.length === 1) {
    listSizes.push(leaf.type.listSize!);
    leaf = leaf.children[0];
  }
  // Tensors beyond the size of a fixed-size list are written as one large list.
  const large = known.whole !== undefined && listSizes.length === 0 && isLargeList(leaf);
  if (large) leaf = leaf.children[0];

  const natural = naturalDType(leaf.type);
  const dtype = known.dtype ?? natural;
  const holds = dtype !== undefined && (dtype === natural || reinterpretations(leaf.type).includes(dtype));
  if (!holds || leaf.dictionary) {
    throw fail(
      `has elements of ${leaf.dictionary ? "a dictionary" : `type ${describeType(leaf.type)}`}, which a mapped ` +
        "tensor cannot have; choose others with { columns }, or open the file with mapTable",
    );
  }
  if (parts.length !== 1 && !copy) {
    throw fail(
      `is in ${parts.length} record batches, which are not one stretch of memory; pass { copy: true }, or write the ` +
        "file as one batch",
    );
  }
  const depth = listSizes.length + (large ? 1 : 0);
  const rowShape = known.whole && large ? known.whole : (known.rowShape ?? listSizes);
  const rowElements = elementCount(rowShape);
  if (!large && rowElements !== elementCount(listSizes)) {
    throw fail(`declares rows of shape [${rowShape.join(", ")}] over ${elementCount(listSizes)} elements`);
  }
  const tensors = parts.map(({ nodes, buffers }) => {
    const rows = nodes[0].length;
    if (nodes.some((node) => node.nulls > 0))
      throw fail("has nulls, which tensors have not; fill or drop them");
    if (large && rows !== 1) throw fail(`declares one tensor, but has ${rows} rows`);
    const data = buffers.at(-1)!;
    const needed = rows * rowElements * dtypeFacts[dtype].bytes;
    if (needed > data.bytes || nodes[depth].length < rows * rowElements) {
      throw fail(`needs ${needed} bytes, its buffer has ${data.bytes}: the file is damaged`);
    }
    return partTensor(mapped, needed === 0 ? 0 : data.offset, [rows, ...rowShape], dtype, fail);
  });
  const tensor = tensors.length === 1 ? tensors[0] : joined(tensors, rowShape, dtype);
  const { permutation, whole } = known;
  const permuted = permutation ? tensor.permute([0, ...permutation.map((at) => at + 1)]) : tensor;
  const isWhole = whole && permuted.shape[0] === 1 && elementCount(whole) === rowElements;
  const result = isWhole ? permuted.squeeze(0).view([...whole]) : permuted;
  if (result === tensor) return tensor;
  // Given to the tensor itself, so that the result is no view of it.
  tensor.setData(result);
  return tensor;
}

function isLargeList(field: FileField): boolean {
  return field.type.typeId === typeId.largeList && field.children.length === 1;
}

function partTensor(
  mapped: Tensor,
  offset: number,
  shape: number[],
  dtype: DType,
  fail: (problem: string) => ArrowFileError,
): Tensor {
  const { bytes } = dtypeFacts[dtype];
  if (offset % bytes !== 0) {
    throw fail(
      `starts at byte ${offset} of the file, which is not a multiple of its elements' ${bytes} bytes`,
    );
  }
  return mappedTensor(mapped, offset, shape, dtype);
}

function joined(tensors: Tensor[], rowShape: readonly number[], dtype: DType): Tensor {
  return (tensors.length > 0 ? concatenate(tensors, 0) : empty([0, ...rowShape], { dtype })) as Tensor;
}
