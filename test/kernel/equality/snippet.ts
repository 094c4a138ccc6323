import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/**
 * A text whose meaning must not depend on how it is run. Lines at its start that begin with `//!` restrict that, each
 * with a reason: `whole` is not cut into cells, `alone` is not joined with others into one script, `differs` means
 * something else to Node, `throws` ends with an error.
 */
export interface Snippet {
  /** `topic/name`. */
  name: string;
  code: string;
  whole: boolean;
  alone: boolean;
  /** Node makes something else of it. */
  differs: boolean;
  /** Its last statement throws. */
  throws: boolean;
}

/** What a run of a snippet showed. */
export interface Shown {
  stdout: string;
  /** What was thrown: `name: message`, and the line where. */
  error?: string;
  line?: number;
}

export const snippetFolder = path.join(import.meta.dirname, "snippets");

export function readSnippets(): Snippet[] {
  return readdirSync(snippetFolder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .sort()
    .map((file) => {
      const code = readFileSync(path.join(snippetFolder, file), "utf8");
      const marked = (mark: string) => new RegExp(`^//! ${mark}\\b`, "m").test(code);
      const throws = marked("throws");
      const name = file.replaceAll(path.sep, "/").replace(/\.ts$/, "");
      return {
        name,
        code,
        whole: marked("whole"),
        differs: marked("differs"),
        alone: throws || marked("alone"),
        throws,
      };
    });
}

/** A cell for each statement, on the lines where it stands. */
export function statementsOf(code: string): string[] {
  const file = ts.createSourceFile("snippet.ts", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  return file.statements
    .filter((statement) => !ts.isEmptyStatement(statement))
    .map((statement) => {
      const before = code.slice(0, statement.getFullStart()).replace(/[^\n]/g, "");
      return before + code.slice(statement.getFullStart(), statement.end);
    });
}

/** What `tsc` makes of the text of a module, with a source map for Node. */
export function compiled(name: string, code: string): string {
  return ts.transpileModule(code, {
    fileName: `${name}.ts`,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
      inlineSources: true,
    },
  }).outputText;
}
