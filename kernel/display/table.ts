/** A table as it is shown: rows are read only where they are. */
export interface Table {
  columns: Column[];
  /** Number of rows. */
  rows: number;
}

export interface Column {
  name: string;
  /** Shown below the name; empty when nothing is known. */
  type: string;
  /** Whether the column holds numbers, which stand at the right. */
  numeric: boolean;
  /** The text of one row, without line breaks. */
  text(row: number): string;
}

export interface TableLimits {
  /** Most rows shown, half of them from the end. Default 20. */
  rows?: number;
  /** Most columns shown, half of them from the end. Default 20. */
  columns?: number;
}

/** The part of a table that is shown. `null` stands where rows or columns are left out. */
export interface TableExcerpt {
  columns: (Column | null)[];
  rows: (number | null)[];
  /** What the whole table holds, for example "1,000 rows × 3 columns, 980 rows not shown". */
  summary: string;
}

/** A whole number with separators between thousands. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  // `Intl` takes longer to load than the rest of an executor's code.
  const digits = String(number).replace(/\B(?=(?:\d{3})+$)/g, ",");
  return `${digits} ${number === 1 ? singular : plural}`;
}

/** The first and the last of `length`, with null between them where some are left out. */
function headAndTail(length: number, most: number): (number | null)[] {
  if (length <= most) return Array.from({ length }, (_, at) => at);
  const tail = Math.floor(most / 2);
  const head = Array.from({ length: most - tail }, (_, at) => at);
  return [...head, null, ...Array.from({ length: tail }, (_, at) => length - tail + at)];
}

export function excerptOf(table: Table, limits: TableLimits = {}): TableExcerpt {
  const mostRows = limits.rows ?? 20;
  const mostColumns = limits.columns ?? 20;
  const hiddenRows = Math.max(0, table.rows - mostRows);
  const hiddenColumns = Math.max(0, table.columns.length - mostColumns);
  const hidden = [
    ...(hiddenRows > 0 ? [count(hiddenRows, "row")] : []),
    ...(hiddenColumns > 0 ? [count(hiddenColumns, "column")] : []),
  ];
  const size = `${count(table.rows, "row")} × ${count(table.columns.length, "column")}`;
  return {
    columns: headAndTail(table.columns.length, mostColumns).map((at) =>
      at === null ? null : table.columns[at],
    ),
    rows: headAndTail(table.rows, mostRows),
    summary: hidden.length > 0 ? `${size}, ${hidden.join(" and ")} not shown` : size,
  };
}
