import { readFile } from "node:fs/promises";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * Module hooks with which Node imports the user's TypeScript files: found as TypeScript finds them, types removed,
 * line and column kept by a source map. Loaded into Node's hooks thread by `typescriptModules.ts`.
 */

/** The running installation, which every file imports under its name. */
const moelabUrl = new URL("../../src/index.js", import.meta.url).href;

const typescriptFile = /\.[cm]?ts$/;

export const resolve: ResolveHook = async (specifier, context, next) => {
  if (specifier === "moelab") return { url: moelabUrl, shortCircuit: true };
  try {
    return await next(specifier, context);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const missing = code === "ERR_MODULE_NOT_FOUND" || code === "ERR_UNSUPPORTED_DIR_IMPORT";
    if (!missing || !/^(\.{0,2}\/|file:)/.test(specifier)) throw error;
    for (const candidate of typescriptNames(specifier)) {
      try {
        return await next(candidate, context);
      } catch {
        // The next name, or the error that Node gave for the first.
      }
    }
    throw error;
  }
};

/** `./a` and `./a.js` may both mean `./a.ts`; a folder means its index. */
function typescriptNames(specifier: string): string[] {
  const written = /^(.*)\.([cm]?)js$/.exec(specifier);
  if (written) return [`${written[1]}.${written[2]}ts`];
  const folder = specifier.replace(/\/$/, "");
  return [`${folder}.ts`, `${folder}.mts`, `${folder}.js`, `${folder}/index.ts`, `${folder}/index.js`];
}

export const load: LoadHook = async (url, context, next) => {
  // Like Node's own: what is installed is JavaScript.
  if (!url.startsWith("file:") || !typescriptFile.test(url) || url.includes("/node_modules/"))
    return next(url, context);
  const { default: ts } = await import("typescript");
  const path = fileURLToPath(url);
  const { outputText } = ts.transpileModule(await readFile(path, "utf8"), {
    fileName: path,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: path.endsWith(".cts") ? ts.ModuleKind.CommonJS : ts.ModuleKind.ESNext,
      inlineSourceMap: true,
      inlineSources: true,
    },
  });
  return { format: path.endsWith(".cts") ? "commonjs" : "module", source: outputText, shortCircuit: true };
};
