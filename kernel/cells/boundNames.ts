import { typescript as ts } from "./typescript.js";

/** Adds the variables that a declaration's name, or pattern of names, binds. */
export function addBoundNames(name: any, into: Set<string>): void {
  if (ts.isIdentifier(name)) into.add(name.text);
  else for (const element of name.elements) if (element.name) addBoundNames(element.name, into);
}
