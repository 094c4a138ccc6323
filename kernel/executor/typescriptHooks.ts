import { readFile } from "node:fs/promises";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { localFile, typescriptFile } from "./localModules.js";

/** Module hooks with which Node loads the user's TypeScript files; cells import them as they are checked. */

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  experimentalDecorators: true,
  jsx: ts.JsxEmit.React,
  inlineSourceMap: true,
};

export const resolve: ResolveHook = async (specifier, context, next) => {
  if (!/^\.{0,2}\/|^file:/.test(specifier)) return next(specifier, context);
  const [path, query] = specifier.split("?");
  const found = localFile(new URL(path, context.parentURL).href);
  if (!found) return next(specifier, context);
  return next(query === undefined ? found.url : `${found.url}?${query}`, context);
};

export const load: LoadHook = async (url, context, next) => {
  const [file] = url.split("?");
  if (!typescriptFile.test(file) || file.endsWith(".cts")) return next(url, context);
  const code = await readFile(fileURLToPath(file), "utf8");
  const { outputText } = ts.transpileModule(code, { fileName: fileURLToPath(file), compilerOptions });
  return { format: "module", source: outputText, shortCircuit: true };
};
