import type { CellPosition } from "./compiler.js";
import { typescript as ts } from "./typescript.js";

/** Whether what is thrown at one of the places of a program is caught by a `try` around it in the same function. */
export function isGuarded(code: string, places: CellPosition[]): boolean {
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  return places.some(({ line, column }) => {
    const at = ts.getPositionOfLineAndCharacter(file, line, column);
    const find = (node: any, guarded: boolean): boolean => {
      const child = ts.forEachChild(node, (each: any) =>
        each.pos <= at && at < each.end ? each : undefined,
      );
      if (!child) return guarded;
      if (ts.isFunctionLike(child)) return find(child, false);
      const inTry = ts.isTryStatement(node) && node.catchClause !== undefined && child === node.tryBlock;
      // What a `catch` or `finally` block throws goes to the next one.
      return find(child, guarded || inTry);
    };
    return find(file, false);
  });
}
