import path from "node:path";
import { typescript as ts } from "./typescript.js";

/**
 * What a lean compiler knows beside JavaScript's own library: the parts of Node's types that say something about
 * JavaScript's, and of `console` what can be said without the rest of them.
 */

/** In place of the only library that Node's types refer to. */
export function leanFiles(nodeTypes: string): string[] {
  return [path.join(nodeTypes, "compatibility", "index.d.ts")];
}

export function consoleTypes(nodeTypes: string): string {
  return path.join(nodeTypes, "console.d.ts");
}

/**
 * A declaration of `console` with the methods whose types name nothing.
 *
 * @param source Node's declarations of it, as TypeScript parsed them
 */
export function leanConsole(source: any): string {
  const methods: string[] = [];
  const visit = (node: any): void => {
    ts.forEachChild(node, visit);
    if (!ts.isInterfaceDeclaration(node) || node.name.text !== "Console") return;
    for (const member of node.members) {
      if (ts.isMethodSignature(member) && namesNothing(member)) methods.push(member.getText(source));
    }
  };
  visit(source);
  return methods.length === 0
    ? ""
    : `interface Console {\n${methods.join("\n")}\n}\ndeclare var console: Console;\n`;
}

function namesNothing(node: any): boolean {
  return !ts.forEachChild(node, (child: any) => ts.isTypeReferenceNode(child) || !namesNothing(child));
}
