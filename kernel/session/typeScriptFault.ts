import type { FaultyCell } from "../cells/compiler.js";
import { diagnosticLines, placeOf } from "../cells/diagnosticText.js";
import { grey } from "../traceback/colours.js";
import type { CellError } from "./events.js";

const runAnyway = "To run it in spite of type errors, begin the cell with // @ts-nocheck.";

/**
 * The error of a cell, or script, that the checker refuses.
 *
 * @param folder the notebook's, for faults in imported files
 */
export function typeScriptFault(
  { diagnostics, runsUnchecked }: FaultyCell,
  name: string,
  source: string,
  folder?: string,
): CellError {
  const [first] = diagnostics;
  const lines = diagnosticLines(diagnostics, name, source, folder);
  return {
    name: "TypeScriptError",
    message: `${placeOf(first, name)} - ${first.message}`,
    traceback: runsUnchecked ? [...lines, grey(runAnyway)] : lines,
  };
}
