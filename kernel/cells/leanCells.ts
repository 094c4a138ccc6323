import { saysNoCheck } from "./noCheck.js";
import { typescript as ts } from "./typescript.js";

/**
 * Which cells mean the same to a lean compiler, which has no Node types and no packages, as to a whole one. What it does
 * not know is a fault to it, and cells with faults are not for it to judge; so what has to be found here is only what it
 * knows less of than it seems: errors' classes (Node gives them static members), `console`, `globalThis`.
 */

const errorClasses = /^(?:Aggregate|Eval|Range|Reference|Suppressed|Syntax|Type|URI)?Error$/;

/** Wherever these stand, the cell is not for a lean compiler. */
const unknownNames = new Set([
  "captureStackTrace",
  "prepareStackTrace",
  "stackTraceLimit",
  "Console",
  "ImportMeta",
  "display",
  "globalThis",
]);

/** Follows the cells of a session, which must be asked for in their order. */
export class LeanCells {
  /** Names of the classes that cells derived from those of errors. */
  readonly #derived = new Set<string>();

  /** Whether a compiler without Node's types may answer for a cell in which it finds no fault. */
  includes(code: string): boolean {
    // Comments that hide faults, and those that name files.
    if (saysNoCheck(code) || code.includes("@ts-") || code.includes("///")) return false;
    const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
    return file.parseDiagnostics.length === 0 && this.#allowed(file);
  }

  #allowed(node: any): boolean {
    switch (node.kind) {
      case ts.SyntaxKind.ImportDeclaration:
      case ts.SyntaxKind.ImportEqualsDeclaration:
      case ts.SyntaxKind.ExportDeclaration:
      case ts.SyntaxKind.ImportType:
      case ts.SyntaxKind.ImportKeyword:
      case ts.SyntaxKind.MetaProperty:
      case ts.SyntaxKind.ModuleDeclaration:
        return false;
      case ts.SyntaxKind.StringLiteral:
      case ts.SyntaxKind.NoSubstitutionTemplateLiteral:
        return !unknownNames.has(node.text);
      case ts.SyntaxKind.Identifier:
        return this.#isKnown(node);
      case ts.SyntaxKind.ClassDeclaration:
        this.#noteErrorClass(node);
    }
    return !ts.forEachChild(node, (child: any) => !this.#allowed(child));
  }

  #isKnown(name: any): boolean {
    const { text, parent } = name;
    if (unknownNames.has(text) || text.endsWith("ErrorConstructor")) return false;
    if (text === "console") return ts.isPropertyAccessExpression(parent) && parent.expression === name;
    if (!this.#isErrorClass(text)) return true;
    return (
      ts.isTypeReferenceNode(parent) ||
      (ts.isClassDeclaration(parent) && parent.name === name) ||
      (ts.isNewExpression(parent) && parent.expression === name) ||
      (ts.isCallExpression(parent) && parent.expression === name) ||
      (ts.isBinaryExpression(parent) &&
        parent.right === name &&
        parent.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword) ||
      (ts.isExpressionWithTypeArguments(parent) && ts.isClassDeclaration(parent.parent.parent))
    );
  }

  #isErrorClass(name: string): boolean {
    return errorClasses.test(name) || this.#derived.has(name);
  }

  /** A class named like one of errors although it is none is treated as one, too: that only takes longer. */
  #noteErrorClass({ name, heritageClauses = [] }: any): void {
    const bases = heritageClauses.flatMap((clause: any) => clause.types.map((type: any) => type.expression));
    if (bases.some((base: any) => ts.isIdentifier(base) && this.#isErrorClass(base.text)) && name)
      this.#derived.add(name.text);
  }
}
