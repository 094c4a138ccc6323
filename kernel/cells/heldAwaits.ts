import { cellGlobal } from "./cellGlobal.js";
import { typescript as ts } from "./typescript.js";

const { factory } = ts;

/**
 * `await x` at the top level becomes `await hold(x)`, with a function of the executor's that keeps the promise until it
 * settles. Otherwise the garbage collector may find that nothing can settle it any more; V8 reports that to the
 * inspector from within the collection, and Node 22 and later abort the process over it.
 */
export function withHeldAwaits(statements: readonly any[], context: any): any[] {
  const visit = (node: any): any => {
    if (ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) return node;
    const visited = ts.visitEachChild(node, visit, context);
    if (!ts.isAwaitExpression(visited)) return visited;
    const hold = factory.createPropertyAccessExpression(factory.createIdentifier(cellGlobal), "hold");
    const call = factory.createCallExpression(hold, undefined, [visited.expression]);
    return factory.updateAwaitExpression(visited, ts.setTextRange(call, visited.expression));
  };
  return statements.map((statement) => ts.visitNode(statement, visit));
}
