import { inspect } from "node:util";
import { arrowTable } from "./arrowTable.js";
import { cellText, nullText } from "./cellText.js";
import type { Column, Table } from "./table.js";

type Row = Record<string, unknown> | unknown[] | Map<string, unknown>;

/** Rows that are looked at to find the names of columns. */
const namedBy = 1000;

/**
 * A table of what people keep rows in: objects, arrays or maps of one row each, or an object of columns.
 *
 * @param names the columns to show, in order; default all
 * @throws TypeError when the value holds no rows
 */
export function rowsTable(value: any, names?: readonly string[]): Table {
  if (typeof value === "object" && value !== null) {
    const arrow = arrowTable(value);
    if (arrow) return withColumns(arrow, names);
    if (typeof value[Symbol.iterator] === "function") return fromRows([...value], names);
    const columns = Object.entries(value);
    if (columns.length > 0 && columns.every(([, column]) => isList(column))) {
      return fromColumns(columns as [string, ArrayLike<unknown>][], names);
    }
  }
  throw new TypeError(
    "display.table: expected rows (objects, arrays or maps), an object of columns or an Arrow table, got " +
      `${inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 40 })}.`,
  );
}

function fromRows(rows: Row[], names?: readonly string[]): Table {
  const found = new Set<string>();
  for (const row of rows.slice(0, namedBy)) for (const name of namesOf(row)) found.add(name);
  const columns = (names ?? [...found]).map((name) => {
    return columnOf(name, rows.length, (row) => valueIn(rows[row], name));
  });
  return { rows: rows.length, columns };
}

function fromColumns(given: [string, ArrayLike<unknown>][], names?: readonly string[]): Table {
  const rows = Math.max(...given.map(([, column]) => column.length));
  const columns = given.map(([name, column]) => columnOf(name, rows, (row) => column[row]));
  return withColumns({ rows, columns }, names);
}

function withColumns(table: Table, names?: readonly string[]): Table {
  if (!names) return table;
  const columns = names.map((name) => {
    const column = table.columns.find((each) => each.name === name);
    if (column) return column;
    const known = table.columns.map((each) => each.name).join(", ");
    throw new TypeError(`display.table: there is no column "${name}". The columns are: ${known}.`);
  });
  return { ...table, columns };
}

function isList(value: unknown): boolean {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function namesOf(row: Row): Iterable<string> {
  if (row instanceof Map) return [...row.keys()].map(String);
  return isObject(row) ? Object.keys(row) : ["value"];
}

function valueIn(row: any, name: string): unknown {
  if (row instanceof Map) return row.get(name);
  return isObject(row) ? (row as any)[name] : name === "value" ? row : undefined;
}

function isObject(row: unknown): row is object {
  return typeof row === "object" && row !== null;
}

/** Numbers at the right when nothing but numbers is there, as far as the first rows tell. */
function columnOf(name: string, rows: number, value: (row: number) => unknown): Column {
  let numbers = 0;
  let others = 0;
  for (let row = 0; row < Math.min(rows, namedBy); row++) {
    const each = value(row);
    if (typeof each === "number" || typeof each === "bigint") numbers++;
    else if (each !== null && each !== undefined) others++;
  }
  return {
    name,
    type: "",
    numeric: numbers > 0 && others === 0,
    text: (row) => {
      const each = value(row);
      return each === null || each === undefined ? nullText : cellText(each);
    },
  };
}
