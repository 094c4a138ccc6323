import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { stampOf } from "../sourceFiles.js";
import { typescript as ts } from "../typescript.js";

/**
 * Makes one script of a program and all that it imports: that is what an image can be made from. ES modules become
 * CommonJS; a top-level `await` is not possible.
 *
 * @param leftOut specifiers that the program sees to by itself, through `Module._load`
 */
export function bundle(program: string, leftOut: string[]): string {
  const modules = new Map<string, string>();
  add(program, modules, new Set(leftOut));
  const table = [...modules].map(([file, code]) => `${JSON.stringify(file)}: ${code}`);
  const stamps = [...modules.keys()].map((file) => [file, stampOf(file)]);
  return withoutWideCharacters(`"use strict";
const modules = {
${table.join(",\n")}
};
globalThis[Symbol.for("moelab.codeFiles")] = ${JSON.stringify(stamps)};
(${runModules})(modules, require, ${JSON.stringify(program)});
`);
}

/** One of them would double the size of the script in memory. */
function withoutWideCharacters(code: string): string {
  return code.replace(/[^\0-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Adds a file and what it imports, each as a function with the paths that its specifiers stand for. Specifiers are found
 * in calls of `require`, and of a function named `load` that `createRequire` made.
 */
function add(file: string, modules: Map<string, string>, leftOut: Set<string>): void {
  if (modules.has(file)) return;
  modules.set(file, "");
  const source = readFileSync(file, "utf8");
  if (file.endsWith(".json")) {
    modules.set(file, `{ paths: {}, run(module) { module.exports = ${source}; } }`);
    return;
  }
  const code = isModule(source) ? asCommonJs(source, file) : source;
  const resolve = createRequire(file).resolve;
  const paths: Record<string, string> = {};
  for (const [, loads, specifier] of code.matchAll(/\b(require|load|load\.resolve)\(["']([^"']+)["']\)/g)) {
    if (isBuiltin(specifier) || leftOut.has(specifier)) continue;
    try {
      paths[specifier] = resolve(specifier);
    } catch {
      continue; // an optional dependency, as a rule
    }
    if (loads !== "load.resolve") add(paths[specifier], modules, leftOut);
  }
  const parameters = "module, exports, require, meta, __filename, __dirname";
  modules.set(
    file,
    `{ paths: ${JSON.stringify(paths)}, meta: ${JSON.stringify(metaOf(file))}, run(${parameters}) {${code}\n} }`,
  );
}

function metaOf(file: string) {
  return { url: pathToFileURL(file).href, filename: file, dirname: path.dirname(file) };
}

function isModule(source: string): boolean {
  return /^(import|export)\b/m.test(source);
}

function asCommonJs(source: string, file: string): string {
  const { outputText } = ts.transpileModule(source, {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
      removeComments: true,
    },
  });
  return outputText.replaceAll("import.meta", "meta").replace(/^\/\/# sourceMappingURL=.*$/m, "");
}

/** Whether a file that a bundle was made of has changed since; asked in the process that runs it. */
export function codeChanged(): boolean {
  const files: [string, string][] = (globalThis as any)[Symbol.for("moelab.codeFiles")];
  return files.some(([file, stamp]) => stampOf(file) !== stamp);
}

/** Runs in the script; must refer to nothing outside of itself. */
function runModules(modules: any, builtin: NodeJS.Require, program: string): void {
  const loaded: Record<string, { exports: any }> = {};
  // Of `node:module`, what this project's files use.
  const loader: any = {
    _load(request: string, parent: string): unknown {
      const file = request in modules ? request : modules[parent].paths[request];
      if (file === undefined) {
        const name = request.replace(/^node:/, "");
        return name === "module" ? loader : builtin(name);
      }
      let module = loaded[file];
      if (!module) {
        const { run, meta } = modules[file];
        module = loaded[file] = { exports: {} };
        const dirname = file.slice(0, file.lastIndexOf("/"));
        run.call(module.exports, module, module.exports, requireFrom(file), meta, file, dirname);
      }
      return module.exports;
    },
    createRequire: (from: string) => requireFrom(from.replace(/^file:\/\//, "")),
    builtinModules: [],
  };
  loader.default = loader;
  loader.__esModule = true;
  function requireFrom(file: string): any {
    const load = (request: string) => loader._load(request, file);
    return Object.assign(load, { resolve: (request: string) => modules[file].paths[request] });
  }
  loader._load(program, program);
}
