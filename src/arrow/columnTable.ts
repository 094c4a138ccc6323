import type { ArrowTable } from "./arrowObjects.js";
import { arrowLibrary } from "./library.js";

/** A column whose values are few and repeat: the values, and for each row the number of its value. */
export interface DictionaryColumn {
  values: readonly string[];
  rows: Int16Array;
}

/** Numbers as the type of their array, or texts. */
export type ColumnValues = Int32Array | Float32Array | Float64Array | DictionaryColumn;

/**
 * A table over the memory of its columns, all of one length, without nulls.
 * @param metadata of the schema
 */
export function columnTable(
  columns: Record<string, ColumnValues>,
  metadata: Record<string, string> = {},
): ArrowTable {
  const { arrow } = arrowLibrary();
  const children = Object.values(columns).map((column) => columnData(column));
  const fields = Object.keys(columns).map((name, at) => new arrow.Field(name, children[at].type, false));
  const schema = new arrow.Schema(fields, new Map(Object.entries(metadata)));
  const length = children[0]?.length ?? 0;
  const rows = arrow.makeData({ type: new arrow.Struct(fields), length, nullCount: 0, children });
  return new arrow.Table([new arrow.RecordBatch(schema, rows as never)]) as never;
}

function columnData(column: ColumnValues) {
  const { arrow } = arrowLibrary();
  if (!ArrayBuffer.isView(column)) {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int16());
    const dictionary = arrow.vectorFromArray([...column.values], new arrow.Utf8());
    return arrow.makeData({ type, length: column.rows.length, nullCount: 0, data: column.rows, dictionary });
  }
  const type =
    column instanceof Int32Array
      ? new arrow.Int32()
      : column instanceof Float32Array
        ? new arrow.Float32()
        : new arrow.Float64();
  return arrow.makeData({ type: type as never, length: column.length, nullCount: 0, data: column as never });
}

/** A table as the bytes of an Arrow IPC file. */
export function tableFile(table: ArrowTable): Uint8Array {
  return arrowLibrary().arrow.tableToIPC(table as never, "file");
}
