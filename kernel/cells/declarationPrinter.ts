import { typescript as ts } from "./typescript.js";

/**
 * The converter prints all declarations of a notebook after each cell. What was parsed from text and is still whole is
 * copied from there instead.
 */
export function withoutReprinting(printer: any): any {
  return {
    ...printer,
    printFile(file: any): string {
      const lines = file.statements.map((statement: any) =>
        isWhole(statement, file.text)
          ? file.text.slice(statement.pos, statement.end).trim()
          : printer.printNode(ts.EmitHint.Unspecified, statement, file),
      );
      return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
    },
  };
}

/** Names may have been taken out of imports and of variables declared together. */
function isWhole(statement: any, text: string): boolean {
  if (ts.isImportDeclaration(statement)) return false;
  if (!ts.isVariableStatement(statement)) return true;
  const { declarations } = statement.declarationList;
  if (declarations.length !== 1) return false;
  const [{ pos, end }] = declarations;
  return text[pos - 1] !== "," && /^;?$/.test(text.slice(end, statement.end));
}
