/**
 * What moelab needs to know of apache-arrow's objects. They are described by their form, not imported, for two reasons:
 * objects of either build of the library (`import` and `require`) are taken, and checking a program that imports moelab
 * does not load the library's 120 declaration files.
 */
export interface ArrowType {
  readonly typeId: number;
}

/** One chunk of a column: an `arrow.Data`. */
export interface ArrowData {
  readonly type: ArrowType;
  readonly length: number;
  readonly offset: number;
  readonly nullCount: number;
  readonly values: any;
  readonly children: readonly ArrowData[];
}

/** A column: an `arrow.Vector`. */
export interface ArrowVector {
  readonly type: ArrowType;
  readonly length: number;
  readonly nullCount: number;
  readonly data: readonly ArrowData[];
  get(index: number): any;
  toArray(): any;
}

/** An `arrow.Field`. */
export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly nullable: boolean;
  readonly metadata: Map<string, string>;
}

/** Named columns: an `arrow.Table` or an `arrow.RecordBatch`. */
export interface ArrowTable {
  readonly schema: { readonly fields: readonly ArrowField[]; readonly metadata: Map<string, string> };
  readonly numRows: number;
  readonly numCols: number;
  getChild(name: string): ArrowVector | null;
  getChildAt(index: number): ArrowVector | null;
}

/** `Type` of Arrow's format, as far as tensors go. */
export const typeId = { int: 2, float: 3, bool: 6, fixedSizeList: 16, largeList: 21 } as const;

export function isTable(source: object): source is ArrowTable {
  return "schema" in source && "getChildAt" in source;
}

export function isVector(source: object): source is ArrowVector {
  return "data" in source && Array.isArray(source.data) && "type" in source;
}

export function isData(source: object): source is ArrowData {
  return "offset" in source && "children" in source && "type" in source && "length" in source;
}
