import { readFileSync } from "node:fs";
import { join } from "node:path";
import { red } from "../traceback/colours.js";
import { excerpt } from "../traceback/excerpt.js";
import type { CellDiagnostic } from "./compiler.js";

/** Faults that are listed; a slip at the start of a cell may bring hundreds. */
const mostFaults = 50;

/** `cell-3:2:7`, one-based as editors show it. */
export function placeOf(diagnostic: CellDiagnostic, cellName: string): string {
  return `${diagnostic.fileName ?? cellName}:${diagnostic.start.line + 1}:${diagnostic.start.column + 1}`;
}

/**
 * The lines shown for the faults of a cell: place and message, then the source line with a mark under the fault.
 *
 * @param folder the notebook's, for faults in imported files
 */
export function diagnosticLines(
  diagnostics: CellDiagnostic[],
  cellName: string,
  source: string,
  folder = ".",
): string[] {
  const lines = diagnostics.slice(0, mostFaults).flatMap((diagnostic) => {
    const { start, end, fileName, code, message } = diagnostic;
    const head = `${red(`${placeOf(diagnostic, cellName)} - error TS${code}`)}: ${message}`;
    const text = fileName === undefined ? source : textOf(join(folder, fileName));
    const width = end.line === start.line ? end.column - start.column : Number.POSITIVE_INFINITY;
    const place = { line: start.line + 1, column: start.column + 1 };
    return [head, ...excerpt(text?.split("\n") ?? [], place, 0, width)];
  });
  const more = diagnostics.length - mostFaults;
  return more > 0 ? [...lines, `… ${more} more ${more === 1 ? "error" : "errors"}`] : lines;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
