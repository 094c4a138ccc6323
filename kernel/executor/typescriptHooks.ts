import { readFile } from "node:fs/promises";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import type { MessagePort } from "node:worker_threads";
import { isLocal, localFile, moelabUrl, namesFile, typescriptFile } from "./localModules.js";
import { ModuleEdits } from "./moduleEdits.js";
import { versioned } from "./moduleQueries.js";

/**
 * Module hooks with which Node loads the user's files: found as TypeScript finds them, types removed, anew after an
 * edit. They run in Node's hooks thread, into which `moduleImport.ts` loads this file.
 */

/** What the hooks tell about each TypeScript file before it runs. */
export interface LoadedSource {
  url: string;
  source: string;
  /** JSON text of a version 3 source map. */
  sourceMap: string;
}

const edits = new ModuleEdits();
let sources: MessagePort;

export function initialize(port: MessagePort): void {
  sources = port;
}

export const resolve: ResolveHook = async (specifier, context, next) => {
  if (specifier === "moelab") return { url: moelabUrl, shortCircuit: true };
  const importer = context.parentURL && isLocal(context.parentURL) ? context.parentURL : undefined;
  const file = namesFile(specifier) ? localFile(new URL(specifier, context.parentURL).href) : undefined;
  try {
    const resolved = await next(file ?? specifier, context);
    if (!isLocal(resolved.url)) return resolved;
    if (importer) edits.imports(importer, resolved.url);
    return { ...resolved, url: versioned(resolved.url, edits.version(resolved.url)) };
  } catch (error) {
    if (importer) edits.failed(importer);
    throw error;
  }
};

export const load: LoadHook = async (url, context, next) => {
  if (!isLocal(url)) return next(url, context);
  const file = fileURLToPath(url);
  if (!typescriptFile.test(file)) return next(url, context);
  const { default: ts } = await import("typescript");
  const commonjs = file.endsWith(".cts");
  const source = await readFile(file, "utf8");
  const { outputText, sourceMapText } = ts.transpileModule(source, {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: commonjs ? ts.ModuleKind.CommonJS : ts.ModuleKind.ESNext,
      esModuleInterop: true,
      jsx: ts.JsxEmit.React,
      sourceMap: true,
      inlineSources: true,
    },
  });
  sources.postMessage({ url, source, sourceMap: sourceMapText ?? "" } satisfies LoadedSource);
  // In the script, too: a debugger finds it there before the first line runs.
  const inlineMap = `data:application/json;base64,${Buffer.from(sourceMapText ?? "{}").toString("base64")}`;
  const code = outputText.replace(/(?<=^\/\/# sourceMappingURL=).*$/m, inlineMap);
  return { format: commonjs ? "commonjs" : "module", source: code, shortCircuit: true };
};
