import { type Write, writeAtomically } from "../files/atomicFile.js";
import { writeElements } from "../files/elements.js";
import { tidy } from "../torch/lifetime.js";
import type { Tensor } from "../torch/tensor.js";
import { storageType } from "./elementTypes.js";
import { aligned, type BodyLayout, layOut, type PlacedColumn, type Region } from "./fileLayout.js";
import { isIdentity } from "./layout.js";
import { arrowLibrary } from "./library.js";
import { fieldMetadata } from "./tensorColumn.js";

export interface SaveArrowOptions {
  /** Kept in the file's schema; read it with `arrowMetadata`. */
  metadata?: Record<string, string>;
}

/**
 * Writes tensors of any shapes to an Arrow IPC file that `openArrow` maps and other Arrow libraries read: one row, a
 * column per tensor, each an `arrow.fixed_shape_tensor` of the tensor's whole shape. Every buffer starts at a multiple
 * of 64 bytes; tied tensors are written once. Beyond 2^31 - 1 elements a column is a large list, with the shape in the
 * field's `moelab.shape`.
 *
 * Streams from the tensors' memory. The file appears under its name only when it is complete and on the disk: whatever
 * goes wrong before, a file that had the name stays as it was, also for those who have it mapped.
 */
export function saveArrow(
  path: string,
  tensors: Record<string, Tensor>,
  options: SaveArrowOptions = {},
): void {
  writeLayout(path, layOut(tensors), options);
}

/** Writes a body that is laid out already; see {@link layOut}. */
export function writeLayout(path: string, layout: BodyLayout, options: SaveArrowOptions = {}): void {
  writeAtomically(path, (write) => writeFile(new Sink(write), layout, options.metadata ?? {}));
}

/** Bytes in sequence to a file, knowing where it is. */
class Sink {
  position = 0;

  constructor(private readonly body: Write) {}

  readonly write: Write = (bytes) => {
    this.body(bytes);
    this.position += bytes.byteLength;
  };

  /** Zeros up to a position. */
  fill(position: number): void {
    if (position > this.position) this.write(new Uint8Array(position - this.position));
  }
}

const magic = new TextEncoder().encode("ARROW1");

function writeFile(sink: Sink, layout: BodyLayout, metadata: Record<string, string>): void {
  const { messages, footers, arrow } = arrowLibrary();
  const { Message, RecordBatch, FieldNode, BufferRegion } = messages;
  const schema = new arrow.Schema(layout.columns.map(field), new Map(Object.entries(metadata)));
  sink.write(magic);
  sink.fill(8);
  writeMessage(sink, Message.encode(Message.from(schema)), 8);

  const none = () => new BufferRegion(0, 0);
  const nodes = layout.columns.flatMap(({ elements }) => [new FieldNode(1, 0), new FieldNode(elements, 0)]);
  const buffers = layout.columns.flatMap(({ listOffsets, offset, bytes }) => [
    none(),
    ...(listOffsets === undefined ? [] : [new BufferRegion(listOffsets, 16)]),
    none(),
    new BufferRegion(offset, bytes),
  ]);
  const batch = new RecordBatch(layout.columns.length > 0 ? 1 : 0, nodes, buffers, null);
  const start = sink.position;
  writeMessage(sink, Message.encode(Message.from(batch, layout.bytes)), aligned(1));
  const body = sink.position;
  for (const region of layout.regions) {
    sink.fill(body + region.offset);
    writeRegion(sink, region);
  }
  for (const { listOffsets, elements } of layout.columns) {
    if (listOffsets === undefined) continue;
    sink.fill(body + listOffsets);
    sink.write(new Uint8Array(BigInt64Array.of(0n, BigInt(elements)).buffer));
  }
  sink.fill(body + layout.bytes);

  const block = new footers.FileBlock(body - start, layout.bytes, start);
  const footer = footers.Footer.encode(new footers.Footer(schema, arrow.MetadataVersion.V5, [block], []));
  sink.write(new Uint8Array(Int32Array.of(-1, 0).buffer)); // end of the stream of messages
  sink.write(footer);
  sink.write(new Uint8Array(Int32Array.of(footer.byteLength).buffer));
  sink.write(magic);
}

/** A message padded so that what follows starts at a multiple of `alignment`. */
function writeMessage(sink: Sink, message: Uint8Array, alignment: number): void {
  const prefix = 8;
  const start = sink.position;
  const end = Math.ceil((start + prefix + message.byteLength) / alignment) * alignment;
  sink.write(new Uint8Array(Int32Array.of(-1, end - start - prefix).buffer));
  sink.write(message);
  sink.fill(end);
}

function field(column: PlacedColumn) {
  const { arrow } = arrowLibrary();
  const item = new arrow.Field("item", storageType(column.dtype) as never, false);
  const list =
    column.listOffsets === undefined
      ? new arrow.FixedSizeList(column.elements, item)
      : new arrow.LargeList(item);
  return new arrow.Field(column.name, list, false, fieldMetadata(column));
}

/** The elements of a region, in the order in which they lie in memory. */
function writeRegion(sink: Sink, { source, order, bytes }: Region): void {
  if (bytes === 0) return;
  tidy(() => {
    const detached = source.detach();
    writeElements(sink.write, order === null || isIdentity(order) ? detached : detached.permute([...order]));
  });
}
