import type { Completeness } from "./compiler.js";
import { typescript as ts } from "./typescript.js";

const unterminatedTemplate = 1160;
const unterminatedComment = 1010;
const unterminatedString = 1002;

/** One more level after a line that opens a bracket, the same level otherwise. */
function nextIndent(code: string): string {
  const line = code.slice(code.lastIndexOf("\n") + 1);
  const current = /^\s*/.exec(line)![0];
  return /[{([]\s*$/.test(line) ? `${current}  ` : current;
}

export function isParsable(code: string): boolean {
  return (
    ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS).parseDiagnostics
      .length === 0
  );
}

/** Code is incomplete when the parser's first complaint is that the text ends too early. */
export function completenessOf(code: string): Completeness {
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  const faults: { code: number; start: number }[] = file.parseDiagnostics;
  if (faults.length === 0) return { status: "complete" };
  const end = code.trimEnd().length;
  const endsEarly =
    (faults[0].start >= end && faults[0].code !== unterminatedString) ||
    faults.some((fault) => fault.code === unterminatedTemplate || fault.code === unterminatedComment);
  return endsEarly ? { status: "incomplete", indent: nextIndent(code) } : { status: "invalid" };
}
