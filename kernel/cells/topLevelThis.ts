import { typescript as ts } from "./typescript.js";

/** `this` outside of functions is undefined, as in every module; a script's would be the global object. */
export function withoutTopLevelThis(statements: readonly any[], context: any): any[] {
  const visit = (node: any): any => {
    if (node.kind === ts.SyntaxKind.ThisKeyword) {
      return ts.setTextRange(ts.factory.createParenthesizedExpression(ts.factory.createVoidZero()), node);
    }
    const hasOwn = ts.isFunctionLike(node) && !ts.isArrowFunction(node);
    return hasOwn || ts.isClassLike(node) ? node : ts.visitEachChild(node, visit, context);
  };
  return statements.map((statement) => ts.visitNode(statement, visit));
}
