import { cellText, dateText, nullText } from "./cellText.js";
import type { Column, Table } from "./table.js";

/** Recognises what any copy of apache-arrow made by its shape: classes of two copies are not the same. */

interface ArrowField {
  name: string;
  type: ArrowType;
  metadata?: Map<string, string>;
}
interface ArrowType {
  typeId: number;
  scale?: number;
  toString(): string;
}
interface ArrowVector {
  type: ArrowType;
  length: number;
  nullCount: number;
  get(row: number): unknown;
}
interface ArrowRows {
  schema: { fields: ArrowField[] };
  numRows: number;
  getChildAt(column: number): ArrowVector | null;
}

/** A table or record batch of Arrow; undefined for anything else. */
export function arrowTable(value: any): Table | undefined {
  const isTable =
    Array.isArray(value.schema?.fields) &&
    typeof value.numRows === "number" &&
    typeof value.getChildAt === "function";
  if (!isTable) return undefined;
  const table = value as ArrowRows;
  return {
    rows: table.numRows,
    columns: table.schema.fields.map((field, at) => columnOf(field, table.getChildAt(at))),
  };
}

/** A vector of Arrow as a table of one column; undefined for anything else. */
export function arrowVector(value: any): Table | undefined {
  const isVector =
    typeof value.type?.typeId === "number" &&
    typeof value.get === "function" &&
    typeof value.length === "number" &&
    Array.isArray(value.data);
  if (!isVector) return undefined;
  const vector = value as ArrowVector;
  return { rows: vector.length, columns: [columnOf({ name: "", type: vector.type }, vector)] };
}

function columnOf(field: ArrowField, vector: ArrowVector | null): Column {
  const type = typeName(field);
  const text = valueText(field.type);
  return {
    name: field.name,
    type,
    numeric: /^(u?int\d+|float\d+|decimal)\b/.test(type),
    text(row) {
      const value = vector?.get(row) ?? null;
      return value === null ? nullText : text(value);
    },
  };
}

/** As Arrow's other languages write it: `float32`, `list<utf8>`, `tensor<float32>[2, 3]`. */
function typeName({ type, metadata }: ArrowField): string {
  const name = String(type).replace(
    /\b(U?Int\d+|Float\d+|Null|Binary|LargeBinary|Utf8|LargeUtf8|Bool|Decimal|Date|Timestamp|Time\d+|Interval|Duration|List|Struct|Union|FixedSize(?:Binary|List)|Map|Dictionary)\b(?!:)/g,
    (found) => found[0].toLowerCase() + found.slice(1),
  );
  if (metadata?.get("ARROW:extension:name") !== "arrow.fixed_shape_tensor") return name;
  try {
    const { shape } = JSON.parse(metadata.get("ARROW:extension:metadata") ?? "{}");
    return `tensor<${/<(.*)>$/.exec(name)?.[1] ?? name}>[${shape.join(", ")}]`;
  } catch {
    return name;
  }
}

/** How values of a type are written where Arrow gives bare numbers for them. */
function valueText(type: ArrowType): (value: any) => string {
  const name = String(type);
  if (/^(Timestamp|Date)/.test(name)) {
    return (value) => (value instanceof Date ? dateText(value) : dateText(new Date(Number(value))));
  }
  if (name.startsWith("Decimal")) return (value) => decimalText(value, type.scale ?? 0);
  return (value) => cellText(plain(value));
}

/** Four 32-bit words, the lowest first, in two's complement. */
function decimalText(words: Uint32Array, scale: number): string {
  let unsigned = 0n;
  for (let at = words.length - 1; at >= 0; at--) unsigned = (unsigned << 32n) | BigInt(words[at]);
  const value = BigInt.asIntN(32 * words.length, unsigned);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? "-" : ""}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ""}`;
}

/** Items of a list that are read for a cell; the cell has no place for more. */
const mostItems = 7;

/** Lists, structs and maps of Arrow as arrays and objects; of long lists only as much as a cell shows. */
function plain(value: any, depth = 0): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (depth > 3) return "…";
  if (typeof value.get === "function" && typeof value.length === "number") {
    const items: unknown[] = Array.from({ length: Math.min(value.length, mostItems) }, (_, at) =>
      plain(value.get(at), depth + 1),
    );
    // Keeps the count: the printed list says how many more there are.
    items.length = value.length;
    return items;
  }
  if (typeof value.toJSON === "function" && !(value instanceof Date)) {
    const entries = Object.entries(value.toJSON() as object);
    return Object.fromEntries(
      entries.slice(0, mostItems).map(([key, each]) => [key, plain(each, depth + 1)]),
    );
  }
  return value;
}
