import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { typeId } from "./arrowObjects.js";
import type { PrimitiveType } from "./elementTypes.js";
import { FlatBytes, type FlatTable } from "./flatbuffer.js";

/** The metadata of an Arrow IPC file; https://arrow.apache.org/docs/format/Columnar.html describes the format. */
export interface FileMetadata {
  fields: FileField[];
  metadata: Map<string, string>;
  /** The values of columns that are encoded by a dictionary. */
  dictionaries: FileBatch[];
  batches: FileBatch[];
}

export interface FileField {
  name: string;
  type: FileType;
  children: FileField[];
  metadata: Map<string, string>;
  /** Values are indices into a dictionary. */
  dictionary: boolean;
}

export interface FileType extends PrimitiveType {
  listSize?: number;
  /** Of unions: 0 sparse, 1 dense. */
  mode?: number;
}

/** One record batch: where each buffer lies in the file. */
export interface FileBatch {
  rows: number;
  /** Length and number of nulls of each field, in depth-first order. */
  nodes: { length: number; nulls: number }[];
  /** In bytes from the start of the file, in depth-first order. */
  buffers: { offset: number; bytes: number }[];
  compressed: boolean;
  /** For each field of a view type, how many buffers of data it has. */
  variadicCounts: number[];
}

const magic = "ARROW1";
/** `MessageHeader` of the format. */
const dictionaryMessage = 2;
const batchMessage = 3;
const maxMetadataBytes = 2 ** 30;

/** What is wrong with a file; the message starts with its path. */
export class ArrowFileError extends Error {
  override name = "ArrowFileError";

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options);
  }
}

/**
 * Reads the metadata of a file and checks that every buffer lies within it. Reads no data: a few kilobytes for a file
 * of any size.
 * @throws ArrowFileError for files that are cut off, damaged or no Arrow files
 */
export function readFileMetadata(path: string): FileMetadata & { bytes: number } {
  const file = openSync(path, "r");
  try {
    const bytes = fstatSync(file).size;
    return { bytes, ...new MetadataReader(file, bytes, path).read() };
  } catch (error) {
    if (error instanceof ArrowFileError || !(error instanceof RangeError)) throw error;
    throw new ArrowFileError(path, `the file is damaged: ${error.message}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

class MetadataReader {
  constructor(
    private readonly file: number,
    private readonly bytes: number,
    private readonly path: string,
  ) {}

  read(): FileMetadata {
    const tailBytes = 4 + magic.length;
    const head = this.slice(0, Math.min(8, this.bytes));
    if (head.subarray(0, magic.length).toString("latin1") !== magic) {
      const stream = head.length >= 4 && head.readInt32LE(0) === -1;
      throw this.error(
        stream
          ? "an Arrow stream, which cannot be mapped; write it in the file format instead " +
              "(pyarrow: pa.ipc.new_file, apache-arrow: tableToIPC(table, 'file'))"
          : `not an Arrow IPC file: expected it to start with "${magic}"`,
      );
    }
    if (this.bytes < 8 + tailBytes) throw this.error(`the file is cut off: it has ${this.bytes} bytes`);
    const tail = this.slice(this.bytes - tailBytes, tailBytes);
    if (tail.subarray(4).toString("latin1") !== magic) {
      throw this.error(
        `the file is cut off or was not closed: expected it to end with "${magic}". Copy or write it again`,
      );
    }
    const footerBytes = tail.readInt32LE(0);
    const footerStart = this.bytes - tailBytes - footerBytes;
    if (footerBytes <= 0 || footerBytes > maxMetadataBytes || footerStart < 8) {
      throw this.error(`the file is damaged: a footer of ${footerBytes} bytes does not fit in ${this.bytes}`);
    }
    const footer = new FlatBytes(this.slice(footerStart, footerBytes)).root();
    const version = footer.int16(0);
    if (version < 3) throw this.error(`written in version ${version + 1} of the format; expected 4 or 5`);
    const schema = footer.table(1);
    if (!schema) throw this.error("the file is damaged: it has no schema");
    if (schema.int16(0) !== 0) throw this.error("the file is big-endian, which cannot be mapped here");
    const blocks = (field: number) =>
      footer.structures(field, 24, (at) => ({
        offset: footer.bytes.size(at),
        metadataBytes: footer.bytes.int32(at + 8),
        bodyBytes: footer.bytes.size(at + 16),
      }));
    return {
      fields: schema.tables(1).map((field) => readField(field, 0)),
      metadata: readKeyValues(schema, 2),
      dictionaries: blocks(2).map((block) => this.readBatch(block, footerStart, dictionaryMessage)),
      batches: blocks(3).map((block) => this.readBatch(block, footerStart, batchMessage)),
    };
  }

  private readBatch(
    block: { offset: number; metadataBytes: number; bodyBytes: number },
    end: number,
    kind: number,
  ): FileBatch {
    const { offset, metadataBytes, bodyBytes } = block;
    const body = offset + metadataBytes;
    if (offset < 8 || metadataBytes < 8 || metadataBytes > maxMetadataBytes || body + bodyBytes > end) {
      throw new RangeError(
        `a record batch claims bytes ${offset} to ${body + bodyBytes} of the ${end} before the footer`,
      );
    }
    const message = this.slice(offset, metadataBytes);
    // Before version 0.15 of Arrow the length came without the marker -1 in front.
    const prefix = message.readInt32LE(0) === -1 ? 8 : 4;
    const stated = prefix + message.readInt32LE(prefix - 4);
    const root = new FlatBytes(message.subarray(prefix)).root();
    if (stated !== metadataBytes || root.size(3) !== bodyBytes) {
      throw new RangeError(
        `a record batch states ${stated} and ${root.size(3)} bytes, the footer ${metadataBytes} and ${bodyBytes}`,
      );
    }
    const header = root.table(2);
    const batch = kind === dictionaryMessage ? header?.table(1) : header;
    if (root.uint8(1) !== kind || !batch)
      throw new RangeError("expected a record batch, found another message");
    // Not used here, but apache-arrow reads it: this checks it.
    readKeyValues(root, 4);
    const { bytes } = batch;
    const buffers = batch.structures(2, 16, (at) => ({
      offset: body + bytes.size(at),
      bytes: bytes.size(at + 8),
    }));
    for (const buffer of buffers) {
      if (buffer.offset + buffer.bytes > body + bodyBytes) {
        throw new RangeError(
          `a buffer claims bytes ${buffer.offset} to ${buffer.offset + buffer.bytes}, its record batch ends at ` +
            `${body + bodyBytes}`,
        );
      }
    }
    return {
      rows: batch.size(0),
      nodes: batch.structures(1, 16, (at) => ({ length: bytes.size(at), nulls: bytes.size(at + 8) })),
      buffers,
      compressed: batch.table(3) !== undefined,
      variadicCounts: batch.structures(4, 8, (at) => bytes.size(at)),
    };
  }

  private slice(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const count = readSync(this.file, bytes, read, length - read, position + read);
      if (count === 0) throw this.error(`the file is cut off at byte ${position + read}`);
      read += count;
    }
    return bytes;
  }

  private error(problem: string): ArrowFileError {
    return new ArrowFileError(this.path, problem);
  }
}

const maxDepth = 64;

function readField(field: FlatTable, depth: number): FileField {
  if (depth > maxDepth) throw new RangeError(`types are nested more than ${maxDepth} deep`);
  return {
    name: field.text(0),
    type: readType(field.uint8(2), field.table(3)),
    children: field.tables(5).map((child) => readField(child, depth + 1)),
    metadata: readKeyValues(field, 6),
    dictionary: field.table(4) !== undefined,
  };
}

const unionType = 14;

function readType(id: number, details: FlatTable | undefined): FileType {
  switch (id) {
    case typeId.int:
      return { typeId: id, bitWidth: details?.int32(0), isSigned: details?.boolean(1) ?? false };
    case typeId.float:
      return { typeId: id, precision: details?.int16(0) ?? 0 };
    case typeId.fixedSizeList: {
      const listSize = details?.int32(0) ?? 0;
      if (listSize < 0) throw new RangeError(`a list size of ${listSize}`);
      return { typeId: id, listSize };
    }
    case unionType:
      return { typeId: id, mode: details?.int16(0) ?? 0 };
    default:
      return { typeId: id };
  }
}

function readKeyValues(table: FlatTable, field: number): Map<string, string> {
  return new Map(table.tables(field).map((pair) => [pair.text(0), pair.text(1)]));
}
