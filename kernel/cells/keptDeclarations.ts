import { typescript as ts } from "./typescript.js";

/** Namespaces, aliases of namespaces, and augmentations of modules and of the global scope. */
const forgotten =
  /^(?:export )?(?:declare )?(?:namespace|module|global)\b|^(?:export )?(?:declare )?import [\w$]+ = /m;

/**
 * The converter tells of some kinds of declarations with the cell that declares them and forgets them with the next.
 *
 * @param declarations what it gives after a cell
 * @param earlier the same after the cell before
 * @param code the cell
 * @returns the declarations with those of earlier cells which still hold
 */
export function withForgotten(declarations: string, earlier: string, code: string): string {
  if (!forgotten.test(earlier)) return declarations;
  const replaced = topLevelNames(code);
  const kept: string[] = [];
  for (const statement of parsed(earlier).statements) {
    const isModule = ts.isModuleDeclaration(statement);
    if (!isModule && !ts.isImportEqualsDeclaration(statement)) continue;
    const text: string = statement.getText();
    const augments =
      isModule && (ts.isStringLiteral(statement.name) || ts.isGlobalScopeAugmentation(statement));
    if (augments ? !declarations.includes(text) : !replaced.has(statement.name.text)) kept.push(text);
  }
  return kept.length === 0 ? declarations : `${declarations}${kept.join("\n")}\n`;
}

function parsed(code: string): any {
  return ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
}

function topLevelNames(code: string): Set<string> {
  const file = parsed(`export {};${code}`);
  ts.bindSourceFile(file, {});
  return new Set(file.locals.keys());
}
