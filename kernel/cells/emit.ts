import { withCellImports } from "./cellImports.js";
import type { CompiledCell } from "./compiler.js";
import { withHeldAwaits } from "./heldAwaits.js";
import { withReplBindings } from "./replBindings.js";
import { withoutShadowedGlobals } from "./shadowedGlobals.js";
import { decodeMappings } from "./sourceMapping.js";
import { withoutTopLevelThis } from "./topLevelThis.js";
import { typescript as ts } from "./typescript.js";

/** Strict as every module is; `void 0`, or the directive would be the value of a cell that only declares. */
const prologue = '"use strict";void 0;\n';

/** TypeScript's own, before what is no module. */
const directive = /^"use strict";\n/;

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  // Imports are kept although this cell may not use them: a later one does.
  verbatimModuleSyntax: true,
  esModuleInterop: true,
  jsx: ts.JsxEmit.React,
  sourceMap: true,
  removeComments: true,
  newLine: ts.NewLineKind.LineFeed,
};

const toScript = (shadowed: Set<string>) => (context: any) => (file: any) => {
  const program = withHeldAwaits(withoutTopLevelThis(file.statements, context), context);
  const script = withReplBindings(withCellImports(program, context), context);
  const statements = withoutShadowedGlobals(script, context, shadowed);
  return ts.factory.updateSourceFile(
    file,
    ts.setTextRange(ts.factory.createNodeArray(statements), file.statements),
  );
};

/** Whether the cell ends in an expression, and whether it is nothing else. */
function expressions(code: string): { ends: boolean; only: boolean } {
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  const statements = file.statements.filter((statement: any) => !ts.isEmptyStatement(statement));
  const last = statements.at(-1);
  const ends = last !== undefined && ts.isExpressionStatement(last);
  return { ends, only: ends && statements.length === 1 };
}

const toExpression = (shadowed: Set<string>) => (context: any) => (file: any) => {
  const statements = withoutShadowedGlobals(withCellImports(file.statements, context), context, shadowed);
  return ts.factory.updateSourceFile(file, ts.factory.createNodeArray(statements));
};

/** An expression, or a few statements, as JavaScript that can stand in a function of a cell. */
export function emitExpression(code: string, shadowed: ReadonlySet<string>): string {
  const { outputText } = ts.transpileModule(code, {
    fileName: "expression.ts",
    compilerOptions: { ...compilerOptions, sourceMap: false },
    transformers: { after: [toExpression(new Set(shadowed))] },
  });
  const statements = outputText.replace(/^"use strict";\n/, "").replace(/^export \{\};$/m, "");
  return statements.trim().replace(/;$/, "");
}

/** Zero-based lines of a cell of which JavaScript is left. */
export function codeLines(code: string): number[] {
  const { sourceMap } = emit(code, "cell", new Set());
  const lines = decodeMappings(JSON.parse(sourceMap).mappings).map(({ sourceLine }) => sourceLine);
  return [...new Set(lines)].sort((a, b) => a - b);
}

/**
 * TypeScript without faults → JavaScript for V8's REPL mode. Does not check anything.
 *
 * @param shadowed globals whose names cells have declared anew; this cell's are added
 */
export function emit(code: string, cellName: string, shadowed: Set<string>): CompiledCell {
  const { outputText, sourceMapText } = ts.transpileModule(code, {
    fileName: `${cellName}.ts`,
    compilerOptions,
    transformers: { after: [toScript(shadowed)] },
  });
  const map = JSON.parse(sourceMapText);
  const lines = prologue.split("\n").length - 1;
  map.mappings = ";".repeat(lines) + map.mappings;
  map.sources = [cellName];
  const body = outputText.replace(/^\/\/# sourceMappingURL=.*$/m, "").replace(/^export \{\};$/m, "");
  const { ends, only } = expressions(code);
  return {
    javascript: `${prologue}${body}\n//# sourceURL=${cellName}`,
    sourceMap: JSON.stringify(map),
    endsInExpression: ends,
    expression: only ? body.replace(directive, "").replace(/[;\s]+$/, "") : undefined,
  };
}
