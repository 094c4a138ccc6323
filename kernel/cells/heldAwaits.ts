import { cellGlobal } from "./cellGlobal.js";
import { typescript as ts } from "./typescript.js";

const { factory } = ts;

/**
 * `await x` at the top level becomes `await hold(x)`, with a function of the executor's that keeps the promise until it
 * settles, and `for await (… of x)` becomes `for await (… of holdEach(x))`; outside of `try` it is `holdUncaught`. Otherwise the garbage collector may find that nothing can settle it any more; V8 reports that to the
 * inspector from within the collection, and Node 22 and later abort the process over it.
 */
export function withHeldAwaits(statements: readonly any[], context: any): any[] {
  let guards = 0;
  const visit = (node: any): any => {
    if (ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) return node;
    if (ts.isTryStatement(node) && node.catchClause) {
      guards++;
      const tryBlock = ts.visitNode(node.tryBlock, visit);
      guards--;
      const catchClause = ts.visitNode(node.catchClause, visit);
      const finallyBlock = ts.visitNode(node.finallyBlock, visit);
      return factory.updateTryStatement(node, tryBlock, catchClause, finallyBlock);
    }
    const visited = ts.visitEachChild(node, visit, context);
    if (ts.isAwaitExpression(visited)) {
      const held = call(guards > 0 ? "hold" : "holdUncaught", visited.expression);
      return factory.updateAwaitExpression(visited, held);
    }
    if (ts.isForOfStatement(visited) && visited.awaitModifier) {
      const { awaitModifier, initializer, expression, statement } = visited;
      const held = call("holdEach", expression);
      return factory.updateForOfStatement(visited, awaitModifier, initializer, held, statement);
    }
    return visited;
  };
  return statements.map((statement) => ts.visitNode(statement, visit));
}

function call(name: string, operand: any): any {
  const held = factory.createPropertyAccessExpression(factory.createIdentifier(cellGlobal), name);
  return ts.setTextRange(factory.createCallExpression(held, undefined, [operand]), operand);
}
