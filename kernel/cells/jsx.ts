import { typescript as ts } from "./typescript.js";

/** Offsets of the first JSX element of code that is faultless but for JSX; undefined when there is none. */
export function findJsx(code: string): { start: number; end: number } | undefined {
  const file = ts.createSourceFile("cell.tsx", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  if (file.parseDiagnostics.length > 0) return undefined;
  const find = (node: any): any =>
    ts.isJsxElement(node) || ts.isJsxSelfClosingElement(node) || ts.isJsxFragment(node)
      ? node
      : ts.forEachChild(node, find);
  const element = find(file);
  return element && { start: element.getStart(), end: element.end };
}

/** TypeScript's number for JSX that is not enabled. */
export const jsxCode = 17004;
export const jsxMessage = "JSX is not available in cells and scripts. Show HTML with display.html(…).";
