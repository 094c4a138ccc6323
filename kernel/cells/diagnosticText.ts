import type { CellDiagnostic } from "./compiler.js";

/** `cell-3:2:7`, one-based as editors show it. */
export function placeOf(diagnostic: CellDiagnostic, cellName: string): string {
  return `${diagnostic.fileName ?? cellName}:${diagnostic.start.line + 1}:${diagnostic.start.column + 1}`;
}

/** The source line with carets under the faulty part of it. */
function markedLine(source: string, line: number, column: number, width: number): string[] {
  const text = source.split("\n")[line];
  if (text === undefined || text.trim() === "") return [];
  const number = String(line + 1);
  // Tabs keep their width in the line of carets.
  const before = text.slice(0, column).replace(/[^\t]/g, " ");
  const carets = "^".repeat(Math.max(1, Math.min(width, text.length - column)));
  return [`  ${number} | ${text}`, `  ${" ".repeat(number.length)} | ${before}${carets}`];
}

/** The lines shown for the faults of a cell: place and message, then the source line. */
export function diagnosticLines(diagnostics: CellDiagnostic[], cellName: string, source: string): string[] {
  return diagnostics.flatMap((diagnostic) => {
    const { start, end } = diagnostic;
    const width = end.line === start.line ? end.column - start.column : Number.POSITIVE_INFINITY;
    const head = `${placeOf(diagnostic, cellName)} - error TS${diagnostic.code}: ${diagnostic.message}`;
    return diagnostic.fileName ? [head] : [head, ...markedLine(source, start.line, start.column, width)];
  });
}
