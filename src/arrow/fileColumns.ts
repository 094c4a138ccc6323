import { typeId } from "./arrowObjects.js";
import { ArrowFileError, type FileBatch, type FileField, type FileMetadata } from "./fileMetadata.js";

/** A column with its nodes and buffers in each batch. */
export interface FileColumn {
  field: FileField;
  parts: ColumnPart[];
}

export interface ColumnPart {
  nodes: FileBatch["nodes"];
  buffers: FileBatch["buffers"];
}

/**
 * Cuts the one sequence in which each batch lists the nodes and buffers of all columns into columns, and checks that
 * buffers are as long as the lengths need them to be: what reads a file may then trust its lengths.
 * @throws ArrowFileError for files that are compressed or damaged
 */
export function fileColumns(file: FileMetadata, path: string): FileColumn[] {
  if ([...file.dictionaries, ...file.batches].some((batch) => batch.compressed)) {
    throw new ArrowFileError(
      path,
      "its buffers are compressed, and compressed memory cannot be mapped; write it without compression",
    );
  }
  const columns: FileColumn[] = file.fields.map((field) => ({ field, parts: [] }));
  for (const batch of file.batches) {
    const walk = new BatchWalk(batch);
    for (const { field, parts } of columns) {
      try {
        parts.push(walk.take(field, batch.rows));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new ArrowFileError(path, `the file is damaged: column "${field.name}" ${error.message}`);
      }
    }
  }
  return columns;
}

/** Types of Arrow's format whose buffers differ from validity and one of values. */
const format = {
  null: 1,
  binary: 4,
  utf8: 5,
  list: 12,
  struct: 13,
  union: 14,
  map: 17,
  largeBinary: 19,
  largeUtf8: 20,
  runEndEncoded: 22,
  binaryView: 23,
  utf8View: 24,
  listView: 25,
  largeListView: 26,
} as const;

const bufferCounts: Record<number, number> = {
  [format.null]: 0,
  [format.binary]: 3,
  [format.utf8]: 3,
  [format.struct]: 1,
  [typeId.fixedSizeList]: 1,
  [format.largeBinary]: 3,
  [format.largeUtf8]: 3,
  [format.runEndEncoded]: 0,
  [format.listView]: 3,
  [format.largeListView]: 3,
};

const offsetBytes: Record<number, number> = {
  [format.binary]: 4,
  [format.utf8]: 4,
  [format.list]: 4,
  [format.map]: 4,
  [format.largeBinary]: 8,
  [format.largeUtf8]: 8,
  [typeId.largeList]: 8,
};

class BatchWalk {
  private node = 0;
  private buffer = 0;
  private variadic = 0;

  constructor(private readonly batch: FileBatch) {}

  take(field: FileField, rows: number): ColumnPart {
    const part: ColumnPart = { nodes: [], buffers: [] };
    this.takeInto(part, field);
    if (part.nodes[0].length !== rows) throw new RangeError(`has ${part.nodes[0].length} rows of ${rows}`);
    return part;
  }

  private takeInto(part: ColumnPart, field: FileField): number {
    const node = this.batch.nodes[this.node++];
    const buffers = this.batch.buffers.slice(this.buffer, this.buffer + this.buffersOf(field));
    if (!node || buffers.length < this.buffersOf(field)) throw new RangeError("lacks buffers");
    this.buffer += buffers.length;
    if (this.isView(field)) {
      for (let more = this.batch.variadicCounts[this.variadic++] ?? 0; more > 0; more--) {
        const buffer = this.batch.buffers[this.buffer++];
        if (!buffer) throw new RangeError("lacks buffers");
        buffers.push(buffer);
      }
    }
    checkBuffers(field, node, buffers);
    part.nodes.push(node);
    part.buffers.push(...buffers);
    // The children of an encoded field are in its dictionary; here it has validity and indices.
    if (field.dictionary) return node.length;
    for (const child of field.children) {
      const length = this.takeInto(part, child);
      const needed = childLength(field, node.length);
      if (length < needed) throw new RangeError(`has ${length} elements of ${needed}`);
    }
    return node.length;
  }

  private buffersOf({ type, dictionary }: FileField): number {
    if (dictionary) return 2;
    if (type.typeId === format.union) return type.mode === 1 ? 2 : 1;
    return bufferCounts[type.typeId] ?? 2;
  }

  private isView({ type, dictionary }: FileField): boolean {
    return !dictionary && (type.typeId === format.binaryView || type.typeId === format.utf8View);
  }
}

function childLength({ type }: FileField, length: number): number {
  if (type.typeId === typeId.fixedSizeList) return length * type.listSize!;
  return type.typeId === format.struct ? length : 0;
}

function checkBuffers(field: FileField, node: FileBatch["nodes"][0], buffers: FileBatch["buffers"]): void {
  const { length, nulls } = node;
  if (nulls > length) throw new RangeError(`has ${nulls} nulls in ${length} elements`);
  const { type, dictionary } = field;
  const require = (index: number, bits: number) => {
    const needed = Math.ceil(bits / 8);
    if (index < buffers.length && buffers[index].bytes < needed) {
      throw new RangeError(`needs ${needed} bytes, its buffer has ${buffers[index].bytes}`);
    }
  };
  if (nulls > 0 && type.typeId !== format.null && type.typeId !== format.union) require(0, length);
  const offsets = dictionary ? undefined : offsetBytes[type.typeId];
  if (offsets !== undefined) {
    if (length > 0) require(1, (length + 1) * offsets * 8);
  } else if (dictionary) require(1, length * 8);
  else if (type.typeId === typeId.float) require(1, length * (16 << type.precision!));
  else require(1, length * (type.bitWidth ?? 1));
}
