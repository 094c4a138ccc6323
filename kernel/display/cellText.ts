import { inspect } from "node:util";

/** Longest text of one value in a table, in UTF-16 units. */
const longest = 80;

/** What stands in a table where there is no value. */
export const nullText = "null";

/** The text of a value in one cell of a table: short, on one line. */
export function cellText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return shortened(value);
    case "number":
      return numberText(value);
    case "bigint":
    case "boolean":
      return String(value);
    case "undefined":
      return nullText;
    case "object":
      if (value === null) return nullText;
      if (value instanceof Date) return dateText(value);
  }
  return shortened(nestedText(value));
}

/** Seven digits, as many as a 32-bit number has; whole numbers in full. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
}

export function dateText(date: Date): string {
  if (Number.isNaN(date.getTime())) return "invalid date";
  return date.toISOString().replace(/T00:00:00\.000Z$|\.000(?=Z$)/, "");
}

function nestedText(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const settings = { breakLength: Infinity, compact: true, depth: 2, maxArrayLength: 6, maxStringLength: 40 };
  try {
    return inspect(value, settings);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

function shortened(text: string): string {
  const line = text.slice(0, longest + 1).replace(/\r\n|[\n\r\t]/g, (found) => (found === "\t" ? "⇥" : "⏎"));
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}
