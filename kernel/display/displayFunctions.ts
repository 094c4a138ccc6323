import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import type { CellDisplay, CellDisplayOptions } from "../cells/cellGlobalTypes.js";
import { imageBytes, imageKind } from "./imageBytes.js";
import { inspected } from "./inspected.js";
import { svgPicture } from "./markup.js";
import { rowsTable } from "./rowsTable.js";
import { type ShownValue, shownTable } from "./shownValue.js";

type Show = (shown: ShownValue, options?: CellDisplayOptions) => void;

/** The functions that cells find on `display`: forms that a value itself does not ask for. */
export function displayFunctions(show: Show): { [name in keyof CellDisplay]: CellDisplay[name] } {
  const textAs = (name: string, mime: string, fallback = true) => {
    return (text: string, options?: CellDisplayOptions) => {
      const data = { [mime]: textOf(name, text), ...(fallback ? { "text/plain": text } : {}) };
      show({ data, metadata: {} }, options);
    };
  };
  return {
    html: textAs("html", "text/html"),
    markdown: textAs("markdown", "text/markdown"),
    latex: textAs("latex", "text/latex"),
    javascript: textAs("javascript", "application/javascript"),
    text: textAs("text", "text/plain", false),
    svg: (text, options) => show(svgPicture(textOf("svg", text)), options),
    json(value, options) {
      if (value === undefined)
        throw new TypeError("display.json: expected a value that JSON has, got undefined.");
      const metadata = { "application/json": { expanded: options?.expanded ?? false } };
      show({ data: { "application/json": value, "text/plain": inspected(value) }, metadata }, options);
    },
    image: (source, options) => show(image(source, options), options),
    table(rows, options = {}) {
      const { columns, rows: mostRows, ...rest } = options;
      if (mostRows !== undefined && !(Number.isInteger(mostRows) && mostRows > 0)) {
        throw new TypeError(`display.table: expected rows to be a whole number above 0, got ${mostRows}.`);
      }
      // Columns that are asked for by name are all shown.
      const limits = { rows: mostRows, columns: columns && Infinity };
      show(shownTable(rowsTable(rows, columns), limits), rest);
    },
  };
}

function textOf(name: string, text: unknown): string {
  if (typeof text === "string") return text;
  throw new TypeError(`display.${name}: expected a string, got ${inspect(text, { depth: 0 })}.`);
}

function image(source: unknown, options: { width?: number; height?: number } = {}): ShownValue {
  const isPath = typeof source === "string" || source instanceof URL;
  const bytes = isPath ? readFileSync(source) : source;
  if (isPath && /\.svg$/i.test(String(source))) return svgPicture(String(bytes));
  const kind = bytes instanceof Uint8Array ? imageKind(bytes) : undefined;
  const shown = bytes instanceof Uint8Array ? imageBytes(bytes) : undefined;
  if (!kind || !shown) {
    const given = isPath ? `the file ${source}` : inspect(source, { depth: 0, maxArrayLength: 8 });
    throw new TypeError(
      `display.image: expected the bytes or the path of a PNG, JPEG, GIF or WebP file below 32 MiB, got ${given}.`,
    );
  }
  const { width, height } = options;
  if (width === undefined && height === undefined) return shown;
  // One of the two keeps the proportions.
  const scale = width === undefined ? height! / (kind.height ?? height!) : width / (kind.width ?? width);
  const size = {
    width: width ?? Math.round((kind.width ?? 0) * scale),
    height: height ?? Math.round((kind.height ?? 0) * scale),
  };
  return { ...shown, metadata: { [kind.mime]: size } };
}
