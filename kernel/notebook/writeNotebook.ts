import { open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Cell, Notebook, Output } from "./format.js";

/**
 * Writes a notebook so that the file holds either its former content or all of the new one, whatever happens
 * meanwhile: to a temporary name beside it, synced, then renamed. A symbolic link stays one.
 */
export async function writeNotebook(link: string, notebook: Notebook): Promise<void> {
  const path = await realpath(link).catch(() => link);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(formatNotebook(notebook));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * The text of a notebook file, laid out as Jupyter's own writer does (one-space indent, sorted keys, multi-line
 * strings as lists of lines, a newline at the end), so that a file saved by either differs only where its content
 * does.
 */
export function formatNotebook(notebook: Notebook): string {
  return `${formatJson({ ...notebook, cells: notebook.cells.map(formattedCell) }, "\n")}\n`;
}

/** JSON text that is ready to be put into a notebook's list of cells. */
class FormattedJson {
  constructor(readonly text: string) {}
}

/** Cells are immutable, and a running notebook is written often: only the cells that changed are formatted again. */
const formattedCells = new WeakMap<Cell, FormattedJson>();
const cellIndent = "\n  ";

function formattedCell(cell: Cell): FormattedJson {
  let formatted = formattedCells.get(cell);
  if (!formatted) {
    formatted = new FormattedJson(formatJson(storedCell(cell), cellIndent));
    formattedCells.set(cell, formatted);
  }
  return formatted;
}

function storedCell(cell: Cell): Record<string, unknown> {
  const stored: Record<string, unknown> = { ...cell, source: splitLines(cell.source) };
  if (cell.cell_type === "code") stored.outputs = cell.outputs.map(storedOutput);
  if (cell.attachments && typeof cell.attachments === "object") {
    stored.attachments = Object.fromEntries(
      Object.entries(cell.attachments).map(([file, bundle]) => [file, splitBundle(bundle)]),
    );
  }
  return stored;
}

function storedOutput(output: Output): Record<string, unknown> {
  switch (output.output_type) {
    case "stream":
      return { ...output, text: splitLines(output.text) };
    case "display_data":
    case "execute_result":
      return { ...output, data: splitBundle(output.data) };
    case "error":
      return { ...output };
  }
}

function splitBundle(bundle: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => [
      mime,
      typeof value === "string" && isTextMime(mime) ? splitLines(value) : value,
    ]),
  );
}

function isTextMime(mime: string): boolean {
  return mime.startsWith("text/") || mime === "application/javascript" || mime === "image/svg+xml";
}

/** Every line break that Python's `splitlines` knows, because nbformat splits with that. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: \x1c to \x1e are line breaks there
const lineBreak = /\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]/g;

/** The lines of a text, each with its line break. */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const found of text.matchAll(lineBreak)) {
    const end = found.index + found[0].length;
    lines.push(text.slice(start, end));
    start = end;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** JSON with sorted keys; `newline` is a line break followed by the current indent. */
function formatJson(value: unknown, newline: string): string {
  if (value instanceof FormattedJson) return value.text;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    const inner = `${newline} `;
    return `[${inner}${value.map((item) => formatJson(item ?? null, inner)).join(`,${inner}`)}${newline}]`;
  }
  if (typeof value === "object" && value !== null) {
    const inner = `${newline} `;
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}: ${formatJson(field, inner)}`);
    return fields.length === 0 ? "{}" : `{${inner}${fields.join(`,${inner}`)}${newline}}`;
  }
  // NaN and infinities have no JSON form and become null.
  return JSON.stringify(value) ?? "null";
}
