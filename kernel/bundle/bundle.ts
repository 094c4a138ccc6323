import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { type StampedFile, stampOf } from "./stamp.js";

export interface BundleSettings {
  /** Files, and specifiers that the program sees to by itself through `Module._load`, which do not become part. */
  leftOut: string[];
  /** Whether a package becomes part of the bundle; others are loaded when they are needed. */
  includes(packageName: string): boolean;
}

/**
 * Makes one script of a program and all that it imports: an expression whose value is a `Bundle` (`loadProgram.ts`). ES
 * modules become CommonJS; a top-level `await`, a variable there with a name of CommonJS, or an `import()` of what is not
 * known before, are not possible.
 */
export function bundle(program: string, settings: BundleSettings): string {
  const modules = new Map<string, string>();
  add(program, modules, settings);
  const table = [...modules].map(([file, code]) => `${JSON.stringify(file)}: ${code}`);
  const stamps: StampedFile[] = [...modules.keys()].map((file) => [file, stampOf(file)]);
  return withoutWideCharacters(`(() => {
"use strict";
const modules = {
${table.join(",\n")}
};
const files = ${JSON.stringify(stamps)};
const run = (require, node) => (${runModules})(modules, ${JSON.stringify(program)}, require, node);
return { program: ${JSON.stringify(program)}, files, run };
})()`);
}

/** One of them would double the size of the script in memory. */
function withoutWideCharacters(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Adds a file and what it imports, each as a function with the paths that its specifiers stand for. Specifiers are found
 * in calls of `require`, and of a function named `load` that `createRequire` made.
 */
function add(file: string, modules: Map<string, string>, settings: BundleSettings): void {
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
    if (isBuiltin(specifier) || settings.leftOut.includes(specifier)) continue;
    try {
      paths[specifier] = resolve(specifier);
    } catch {
      continue; // an optional dependency, as a rule
    }
    const found = packageOf(paths[specifier]);
    const included =
      !settings.leftOut.includes(paths[specifier]) && (found === undefined || settings.includes(found));
    if (loads !== "load.resolve" && included) add(paths[specifier], modules, settings);
  }
  const parameters = "module, exports, require, meta, __filename, __dirname";
  modules.set(
    file,
    `{ paths: ${JSON.stringify(paths)}, meta: ${JSON.stringify(metaOf(file))}, run(${parameters}) {${code}\n} }`,
  );
}

/** The name of the package that a file belongs to; undefined for the project's own. */
function packageOf(file: string): string | undefined {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
}

function metaOf(file: string) {
  return { bundled: true, url: pathToFileURL(file).href, filename: file, dirname: path.dirname(file) };
}

function isModule(source: string): boolean {
  return /^(import|export)\b/m.test(source);
}

/** Source → what became of it: programs share files. */
const converted = new Map<string, string>();

function asCommonJs(source: string, file: string): string {
  const known = converted.get(source);
  if (known !== undefined) return known;
  const { outputText } = ts.transpileModule(source, {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
      removeComments: true,
    },
    transformers: { before: [metaAsVariable] },
  });
  const code = outputText.replace(/^\/\/# sourceMappingURL=.*$/m, "");
  converted.set(source, code);
  return code;
}

/** `import.meta` becomes the variable `meta`. */
const metaAsVariable: ts.TransformerFactory<ts.SourceFile> = (context) => (file) => {
  const visit = (node: ts.Node): ts.Node =>
    ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword
      ? ts.factory.createIdentifier("meta")
      : ts.visitEachChild(node, visit, context);
  return ts.visitNode(file, visit) as ts.SourceFile;
};

/** Runs in the script; must refer to nothing outside of itself. Gives the program's exports. */
function runModules(modules: any, program: string, builtin: NodeJS.Require, node: any): unknown {
  const loaded: Record<string, { exports: any }> = {};
  // For `node:module`, of which an image can have nothing but this.
  const loader: any = {
    ...node,
    _load(request: string, parent: string): unknown {
      const file = request in modules ? request : modules[parent].paths[request];
      if (!(file in modules)) {
        const name = file ?? request.replace(/^node:/, "");
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
    createRequire(from: string): unknown {
      const file = from.replace(/^file:\/\//, "");
      return !node || file in modules ? requireFrom(file) : node.createRequire(from);
    },
    builtinModules: [],
  };
  loader.default = loader;
  loader.__esModule = true;
  function requireFrom(file: string): any {
    const load = (request: string) => loader._load(request, file);
    const resolve = (request: string) => modules[file].paths[request] ?? builtin.resolve(request);
    return Object.assign(load, { resolve });
  }
  return loader._load(program, program);
}
