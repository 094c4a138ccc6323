import { addBoundNames } from "./boundNames.js";
import { keptName } from "./keptName.js";
import { typescript as ts } from "./typescript.js";

/**
 * A top-level `let` of a script is seen by every script of the process: a cell with `const process = …` or
 * `import { setTimeout } from "node:timers/promises"` would change these names under Node's feet and every library's.
 * Cells therefore keep such variables under another name, in the cell that declares them and in all later ones.
 */

const { factory } = ts;

const globalNames = new Set(Object.getOwnPropertyNames(globalThis));

/** Names declared in a function or block; those of inner blocks count as declared in it, too. */
function declaredIn(node: any): Set<string> {
  const names = new Set<string>();
  const visit = (child: any): void => {
    if (ts.isVariableDeclaration(child) || ts.isParameter(child)) addBoundNames(child.name, names);
    if ((ts.isFunctionDeclaration(child) || ts.isClassDeclaration(child)) && child.name)
      names.add(child.name.text);
    if (!ts.isFunctionLike(child) && !ts.isClassLike(child)) ts.forEachChild(child, visit);
  };
  if (ts.isFunctionLike(node) || ts.isClassLike(node)) {
    if (node.name && ts.isIdentifier(node.name)) names.add(node.name.text);
    for (const parameter of node.parameters ?? []) visit(parameter);
    if (node.body) ts.forEachChild(node.body, visit);
  } else ts.forEachChild(node, visit);
  return names;
}

function isScope(node: any): boolean {
  return (
    ts.isFunctionLike(node) ||
    ts.isClassLike(node) ||
    ts.isBlock(node) ||
    ts.isCaseBlock(node) ||
    ts.isCatchClause(node) ||
    ts.isForStatement(node) ||
    ts.isForOfStatement(node) ||
    ts.isForInStatement(node)
  );
}

/**
 * Renames variables that are called like globals.
 *
 * @param shadowed such names that cells have declared so far; those of this program are added
 */
export function withoutShadowedGlobals(
  statements: readonly any[],
  context: any,
  shadowed: Set<string>,
): any[] {
  for (const statement of statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const names = new Set<string>();
    for (const declaration of statement.declarationList.declarations) addBoundNames(declaration.name, names);
    for (const name of names) if (globalNames.has(name)) shadowed.add(name);
  }
  if (shadowed.size === 0) return [...statements];

  const renaming = (hidden: ReadonlySet<string>) => {
    const renamed = (name: any) => shadowed.has(name.text) && !hidden.has(name.text);
    const kept = (name: any) => ts.setTextRange(factory.createIdentifier(keptName(name.text)), name);
    const visit = (node: any): any => {
      if (ts.isIdentifier(node)) return renamed(node) ? kept(node) : node;
      if (ts.isPropertyAccessExpression(node)) {
        const expression = ts.visitNode(node.expression, visit);
        return node.questionDotToken
          ? factory.updatePropertyAccessChain(node, expression, node.questionDotToken, node.name)
          : factory.updatePropertyAccessExpression(node, expression, node.name);
      }
      if (ts.isPropertyAssignment(node)) {
        const key = ts.isComputedPropertyName(node.name) ? ts.visitNode(node.name, visit) : node.name;
        return factory.updatePropertyAssignment(node, key, ts.visitNode(node.initializer, visit));
      }
      if (ts.isShorthandPropertyAssignment(node) && renamed(node.name)) {
        const initial = ts.visitNode(node.objectAssignmentInitializer, visit);
        const value = initial ? factory.createAssignment(kept(node.name), initial) : kept(node.name);
        return factory.createPropertyAssignment(node.name.text, value);
      }
      if (ts.isShorthandPropertyAssignment(node)) return node;
      if (ts.isObjectBindingPattern(node)) {
        const elements = node.elements.map((element: any) => {
          const key = element.propertyName ?? (element.dotDotDotToken ? undefined : element.name);
          const name = ts.visitNode(element.name, visit);
          const property = element.propertyName || name !== element.name ? key : undefined;
          const initial = ts.visitNode(element.initializer, visit);
          return factory.updateBindingElement(element, element.dotDotDotToken, property, name, initial);
        });
        return factory.updateObjectBindingPattern(node, elements);
      }
      if (ts.isLabeledStatement(node)) {
        return factory.updateLabeledStatement(node, node.label, ts.visitNode(node.statement, visit));
      }
      if (ts.isBreakOrContinueStatement(node) || ts.isMetaProperty(node)) return node;
      if (!isScope(node)) return ts.visitEachChild(node, visit, context);
      const inner = renaming(new Set([...hidden, ...declaredIn(node)]));
      // The names of members are not variables.
      const member = (child: any) => (child === node.name && ts.isIdentifier(child) ? child : inner(child));
      return ts.visitEachChild(node, member, context);
    };
    return (node: any): any => {
      const isMemberName =
        (ts.isPropertyDeclaration(node) || ts.isEnumMember(node)) && ts.isIdentifier(node.name);
      if (!isMemberName) return visit(node);
      return ts.visitEachChild(node, (child: any) => (child === node.name ? child : visit(child)), context);
    };
  };
  const rename = renaming(new Set());
  return statements.map((statement) => ts.visitNode(statement, rename));
}
