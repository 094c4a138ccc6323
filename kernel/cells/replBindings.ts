import { addBoundNames } from "./boundNames.js";
import { typescript as ts } from "./typescript.js";

/**
 * V8's REPL mode lets a later cell declare a name again only in the same way: `let` after `let`. A `const`, function,
 * class or `var` after it is a SyntaxError. These transformations give every top-level name of a cell a `let` binding,
 * so that any declaration may follow any other; that a constant is not assigned, the checker sees to.
 */

const { factory } = ts;

function isVar(list: any): boolean {
  return (list.flags & ts.NodeFlags.BlockScoped) === 0;
}

function letStatement(name: any, initializer?: any): any {
  const declaration = factory.createVariableDeclaration(name, undefined, undefined, initializer);
  return factory.createVariableStatement(
    undefined,
    factory.createVariableDeclarationList([declaration], ts.NodeFlags.Let),
  );
}

/** The assignments that a `var` list makes; undefined when it only declares. */
function assignments(list: any): any {
  const parts = list.declarations
    .filter((declaration: any) => declaration.initializer)
    .map((declaration: any) => {
      const target = ts.isIdentifier(declaration.name)
        ? declaration.name
        : factory.converters.convertToAssignmentPattern(declaration.name);
      return ts.setTextRange(factory.createAssignment(target, declaration.initializer), declaration);
    });
  return parts.length === 0 ? undefined : factory.inlineExpressions(parts);
}

/** Replaces each `var` outside functions by assignments and collects the names, which become `let` at the top. */
function withoutVar(statement: any, names: Set<string>, context: any): any {
  const collect = (list: any) => {
    for (const declaration of list.declarations) addBoundNames(declaration.name, names);
  };
  const visit = (node: any): any => {
    if (ts.isFunctionLike(node) || ts.isClassLike(node)) return node;
    if (ts.isVariableStatement(node) && isVar(node.declarationList)) {
      collect(node.declarationList);
      const assigned = assignments(node.declarationList);
      if (!assigned) return factory.createEmptyStatement();
      // `void`, because a declaration has no value to show.
      return ts.setTextRange(factory.createExpressionStatement(factory.createVoidExpression(assigned)), node);
    }
    const initializer = node.initializer;
    if (initializer && ts.isVariableDeclarationList(initializer) && isVar(initializer)) {
      collect(initializer);
      if (ts.isForStatement(node)) {
        const { condition, incrementor, statement: body } = node;
        const loop = factory.updateForStatement(node, assignments(initializer), condition, incrementor, body);
        return ts.visitEachChild(loop, visit, context);
      }
      const name = initializer.declarations[0].name;
      const target = ts.isIdentifier(name) ? name : factory.converters.convertToAssignmentPattern(name);
      const loop = ts.isForOfStatement(node)
        ? factory.updateForOfStatement(node, node.awaitModifier, target, node.expression, node.statement)
        : factory.updateForInStatement(node, target, node.expression, node.statement);
      return ts.visitEachChild(loop, visit, context);
    }
    return ts.visitEachChild(node, visit, context);
  };
  return ts.visitNode(statement, visit);
}

/** An anonymous function, so that recursion finds the name's newest definition as every other caller does. */
function functionBinding(node: any): any {
  const modifiers = node.modifiers?.filter((modifier: any) => modifier.kind === ts.SyntaxKind.AsyncKeyword);
  const expression = factory.createFunctionExpression(
    modifiers,
    node.asteriskToken,
    undefined,
    undefined,
    node.parameters,
    undefined,
    node.body,
  );
  return ts.setTextRange(letStatement(node.name, ts.setTextRange(expression, node)), node);
}

function classBinding(node: any): any {
  const { modifiers, name, heritageClauses, members } = node;
  const expression = factory.createClassExpression(modifiers, name, undefined, heritageClauses, members);
  return ts.setTextRange(letStatement(name, ts.setTextRange(expression, node)), node);
}

function asLet(node: any): any {
  const { declarations } = node.declarationList;
  const list = factory.createVariableDeclarationList(declarations, ts.NodeFlags.Let);
  return ts.setTextRange(factory.createVariableStatement(undefined, list), node);
}

/** The same program with `let` as its only kind of top-level declaration; functions come first, as hoisted. */
export function withReplBindings(statements: readonly any[], context: any): any[] {
  const varNames = new Set<string>();
  const functions = new Map<string, any>();
  const rest: any[] = [];
  for (const statement of statements) {
    if (ts.isFunctionDeclaration(statement) && statement.name) {
      if (statement.body) functions.set(statement.name.text, functionBinding(statement));
    } else if (ts.isClassDeclaration(statement) && statement.name) rest.push(classBinding(statement));
    else if (ts.isVariableStatement(statement) && !isVar(statement.declarationList))
      rest.push(asLet(statement));
    else rest.push(withoutVar(statement, varNames, context));
  }
  // `let C = class …` of a decorated class, and functions, already declare their name.
  const declared = new Set(functions.keys());
  for (const statement of rest) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const declaration of statement.declarationList.declarations)
      addBoundNames(declaration.name, declared);
  }
  const variables = [...varNames].filter((name) => !declared.has(name)).map((name) => letStatement(name));
  return [...variables, ...functions.values(), ...rest];
}
