import { mapFile } from "../files/mapping.js";
import { tidy } from "../torch/lifetime.js";
import type { ArrowTable } from "./arrowObjects.js";
import { fileColumns } from "./fileColumns.js";
import { ArrowFileError, readFileMetadata } from "./fileMetadata.js";
import { arrowLibrary } from "./library.js";

const maxBufferBytes = 4 * 2 ** 30;

/**
 * An Arrow IPC file of any columns as an apache-arrow Table over the mapped file: nothing is read before it is
 * touched, writes change this process's memory only. For files of tensors see `openArrow`, which is faster and has no
 * limit of size.
 * @typeParam Table give `arrow.Table` to use the result with apache-arrow's own functions
 * @throws ArrowFileError for files that are damaged or compressed, and for files above 4 GiB before Node 22
 */
export function mapTable<Table extends ArrowTable = ArrowTable>(path: string): Table {
  const file = readFileMetadata(path);
  fileColumns(file, path);
  if (file.bytes > maxBufferBytes && Number.parseInt(process.versions.node, 10) < 22) {
    throw new ArrowFileError(
      path,
      `the file has ${file.bytes} bytes, and before Node 22 a mapped table is limited to 4 GiB; use Node 22 or ` +
        "newer, or openArrow, which has no limit",
    );
  }
  const bytes = tidy(() => mapFile(path, file.bytes).asTypedArray());
  try {
    return arrowLibrary().arrow.tableFromIPC(bytes as Uint8Array) as never;
  } catch (error) {
    throw new ArrowFileError(path, `apache-arrow cannot read it: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
