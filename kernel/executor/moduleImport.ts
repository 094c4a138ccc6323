import { createRequire, isBuiltin, register } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { isLocal, localFile, moelabUrl, namesFile } from "./localModules.js";
import { freshImport, withoutQueries } from "./moduleQueries.js";
import { importModule, resolveModule } from "./nodeImport.js";
import type { LoadedSource } from "./typescriptHooks.js";

/** Imports as the file that cells stand for would; `moelab` is always the running installation. */
export class ModuleImport {
  #url!: string;
  require!: NodeJS.Require;
  /** What cells find as `import.meta`. */
  readonly meta: { url?: string; dirname?: string; filename?: string; resolve(specifier: string): string };
  readonly #sources = new MessageChannel();
  #hooked = false;

  /** @param file what the cells are: a script, or an imagined file in the notebook's folder */
  constructor(file: string) {
    this.meta = { resolve: (specifier: string): string => this.#resolve(specifier) };
    this.#become(file);
  }

  /** Imports from another directory from now on. */
  importFrom(directory: string): void {
    this.#become(path.join(directory, path.basename(this.meta.filename!)));
  }

  /**
   * @param names exports that the module must have
   * @throws SyntaxError when it lacks one
   */
  import = async (
    specifier: string,
    options?: ImportCallOptions,
    names: readonly string[] = [],
  ): Promise<unknown> => {
    const module = await this.#import(specifier, options);
    const missing = names.find((name) => !(name in (module as object)));
    if (missing === undefined) return module;
    throw new SyntaxError(
      `The requested module '${specifier}' does not provide an export named '${missing}'`,
    );
  };

  #import = async (specifier: string, options?: ImportCallOptions): Promise<unknown> => {
    const url = this.#resolve(String(specifier));
    if (url.endsWith(".json") && !options) {
      // The checker takes a JSON file without an import attribute; Node would refuse it.
      const file = fileURLToPath(url);
      delete this.require.cache[file];
      const value = this.require(file);
      return { default: value, ...value };
    }
    // What does not exist is Node's to complain about.
    if (!isLocal(url) || localFile(url) === undefined) return await importModule(url, options);
    this.#hook();
    return await importModule(freshImport(url), options);
  };

  /** The TypeScript files that were loaded since the last call. */
  *loadedSources(): Generator<LoadedSource> {
    for (;;) {
      const received = receiveMessageOnPort(this.#sources.port1);
      if (!received) return;
      yield received.message;
    }
  }

  #become(file: string): void {
    this.#url = pathToFileURL(file).href;
    this.require = createRequire(file);
    Object.assign(this.meta, { url: this.#url, dirname: path.dirname(file), filename: file });
  }

  #resolve(specifier: string): string {
    if (isBuiltin(specifier)) return specifier;
    if (specifier === "moelab") return moelabUrl;
    if (!namesFile(specifier)) return withoutQueries(resolveModule(specifier, this.#url));
    const url = new URL(specifier, this.#url).href;
    return localFile(url) ?? url;
  }

  /** Teaches Node to load the user's files. It costs a thread, so not before one is imported. */
  #hook(): void {
    if (this.#hooked) return;
    this.#hooked = true;
    const { port2 } = this.#sources;
    register("./typescriptHooks.js", import.meta.url, { data: port2, transferList: [port2] });
  }
}
