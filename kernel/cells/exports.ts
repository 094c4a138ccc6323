import { typescript as ts } from "./typescript.js";

/** Shorter than `export default`; TypeScript knows it as deliberate. */
const asExpression = "void 0,";

function isAnonymousDefault(statement: any): boolean {
  return (
    (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) &&
    !statement.name &&
    statement.modifiers?.some((modifier: any) => modifier.kind === ts.SyntaxKind.DefaultKeyword)
  );
}

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
  /** What follows is an expression, also where a statement would begin differently. */
  const expression = (start: number, end: number) => {
    blank(start, end);
    result = result.slice(0, start) + asExpression + result.slice(start + asExpression.length);
  };
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement) && !statement.moduleSpecifier) {
      blank(statement.getStart(file), statement.end);
    } else if (ts.isExportAssignment(statement) && !statement.isExportEquals) {
      expression(statement.getStart(file), statement.expression.getStart(file));
    } else if (isAnonymousDefault(statement)) {
      const last = statement.modifiers.find(
        (modifier: any) => modifier.kind === ts.SyntaxKind.DefaultKeyword,
      );
      expression(statement.getStart(file), last.end);
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
