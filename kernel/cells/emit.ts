import { withCellImports } from "./cellImports.js";
import type { CompiledCell } from "./compiler.js";
import { withHeldAwaits } from "./heldAwaits.js";
import { withReplBindings } from "./replBindings.js";
import { withoutShadowedGlobals } from "./shadowedGlobals.js";
import { typescript as ts } from "./typescript.js";

/** Strict as every module is; `void 0`, or the directive would be the value of a cell that only declares. */
const prologue = '"use strict";void 0;\n';

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  // Imports are kept although this cell may not use them: a later one does.
  verbatimModuleSyntax: true,
  experimentalDecorators: true,
  esModuleInterop: true,
  jsx: ts.JsxEmit.React,
  sourceMap: true,
  removeComments: true,
  newLine: ts.NewLineKind.LineFeed,
};

const toScript = (shadowed: Set<string>) => (context: any) => (file: any) => {
  const program = withHeldAwaits(file.statements, context);
  const script = withReplBindings(withCellImports(program, context), context);
  const statements = withoutShadowedGlobals(script, context, shadowed);
  return ts.factory.updateSourceFile(
    file,
    ts.setTextRange(ts.factory.createNodeArray(statements), file.statements),
  );
};

function endsInExpression(code: string): boolean {
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  const last = file.statements.findLast((statement: any) => !ts.isEmptyStatement(statement));
  return last !== undefined && ts.isExpressionStatement(last);
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
  return {
    javascript: `${prologue}${body}\n//# sourceURL=${cellName}`,
    sourceMap: JSON.stringify(map),
    endsInExpression: endsInExpression(code),
  };
}
