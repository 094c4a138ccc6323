import { cellGlobal } from "./cellGlobal.js";
import { typescript as ts } from "./typescript.js";

/**
 * Code given to V8 as a script has no `import`: declarations become awaited calls of a function that the executor
 * installs, `import()` becomes a call of the same function, and `import.meta` an object beside it.
 */

const { factory } = ts;

function member(name: string): any {
  return factory.createPropertyAccessExpression(factory.createIdentifier(cellGlobal), name);
}

function awaitedImport(declaration: any): any {
  const options = declaration.attributes
    ? [
        factory.createObjectLiteralExpression([
          factory.createPropertyAssignment(
            "with",
            factory.createObjectLiteralExpression(
              declaration.attributes.elements.map((attribute: any) =>
                factory.createPropertyAssignment(attribute.name, attribute.value),
              ),
            ),
          ),
        ]),
      ]
    : [];
  const names = importedNames(declaration);
  const expected =
    names.length > 0
      ? [options[0] ?? factory.createVoidZero(), factory.createArrayLiteralExpression(names)]
      : options;
  const call = factory.createCallExpression(member("import"), undefined, [
    declaration.moduleSpecifier,
    ...expected,
  ]);
  return factory.createAwaitExpression(ts.setTextRange(call, declaration));
}

/** The exports that a module must have for the import to succeed. */
function importedNames(declaration: any): any[] {
  const { name, namedBindings } = declaration.importClause ?? {};
  const elements = namedBindings && ts.isNamedImports(namedBindings) ? namedBindings.elements : [];
  const names = elements.map((element: any) => (element.propertyName ?? element.name).text);
  if (name) names.unshift("default");
  return names.map((each: string) => factory.createStringLiteral(each));
}

function constStatement(name: any, initializer: any, original: any): any {
  const declaration = factory.createVariableDeclaration(name, undefined, undefined, initializer);
  const list = factory.createVariableDeclarationList([declaration], ts.NodeFlags.Const);
  return ts.setTextRange(factory.createVariableStatement(undefined, list), original);
}

function importStatements(declaration: any): any[] {
  const clause = declaration.importClause;
  const imported = awaitedImport(declaration);
  const bindings = clause?.namedBindings;
  if (bindings && ts.isNamespaceImport(bindings)) {
    const namespace = constStatement(bindings.name, imported, declaration);
    if (!clause.name) return [namespace];
    const ownDefault = factory.createPropertyAccessExpression(bindings.name, "default");
    return [namespace, constStatement(clause.name, ownDefault, declaration)];
  }
  const elements = (bindings?.elements ?? []).map((element: any) =>
    factory.createBindingElement(undefined, element.propertyName, element.name),
  );
  if (clause?.name) elements.unshift(factory.createBindingElement(undefined, "default", clause.name));
  if (elements.length === 0)
    return [ts.setTextRange(factory.createExpressionStatement(imported), declaration)];
  return [constStatement(factory.createObjectBindingPattern(elements), imported, declaration)];
}

/** The program with its imports first, as modules have it, in a form that a script may contain. */
export function withCellImports(statements: readonly any[], context: any): any[] {
  const visit = (node: any): any => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const parameters = node.arguments.map((argument: any) => ts.visitNode(argument, visit));
      return ts.setTextRange(factory.createCallExpression(member("import"), undefined, parameters), node);
    }
    if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) return member("meta");
    return ts.visitEachChild(node, visit, context);
  };
  // What is exported from another module stays there, but that module runs.
  const imports = statements.filter(
    (statement) =>
      ts.isImportDeclaration(statement) || (ts.isExportDeclaration(statement) && statement.moduleSpecifier),
  );
  const rest = statements.filter(
    (statement) => !ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement),
  );
  return [...imports.flatMap(importStatements), ...rest.map((statement) => ts.visitNode(statement, visit))];
}
