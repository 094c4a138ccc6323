import { typescript as ts } from "./typescript.js";

/**
 * Code pasted from a module says `export`; in a cell everything is visible to later cells anyway. The keyword is
 * replaced by as many spaces, so that every position stays what the user sees.
 */
export function withoutExports(code: string): string {
  if (!code.includes("export")) return code;
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  let result = code;
  const blank = (start: number, end: number) => {
    result = result.slice(0, start) + result.slice(start, end).replace(/\S/g, " ") + result.slice(end);
  };
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement) && !statement.moduleSpecifier) {
      blank(statement.getStart(file), statement.end);
    } else if (ts.isExportAssignment(statement) && !statement.isExportEquals) {
      blank(statement.getStart(file), statement.expression.getStart(file));
    } else {
      for (const modifier of statement.modifiers ?? []) {
        const kind = modifier.kind;
        if (kind === ts.SyntaxKind.ExportKeyword || kind === ts.SyntaxKind.DefaultKeyword) {
          blank(modifier.getStart(file), modifier.end);
        }
      }
    }
  }
  return result;
}
