import { createRequire, isBuiltin, register } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { localFile, typescriptFile } from "./localModules.js";

/** The API of the installation that this executor belongs to: this file lies in `dist/kernel/executor`. */
const moelabUrl = new URL("../../src/index.js", import.meta.url).href;

/** Imports as a file in the notebook's directory would; `moelab` is always the running installation. */
export class ModuleImport {
  /** Stands for the cell in resolution and in messages about what was not found. */
  readonly #parent: string;
  readonly require: NodeJS.Require;
  /** Time at which each local file was modified when it was first imported. */
  readonly #imported = new Map<string, number>();
  /** Whether Node has been taught to load TypeScript; it costs a thread. */
  #hooked = false;

  constructor(directory: string) {
    const cell = path.join(directory, "cell.ts");
    this.#parent = pathToFileURL(cell).href;
    this.require = createRequire(cell);
  }

  readonly meta = {
    get url() {
      return pathToFileURL(path.join(process.cwd(), "cell.ts")).href;
    },
    get dirname() {
      return process.cwd();
    },
    get filename() {
      return path.join(process.cwd(), "cell.ts");
    },
    resolve: (specifier: string): string => this.resolve(specifier),
  };

  resolve(specifier: string): string {
    if (isBuiltin(specifier)) return specifier;
    if (specifier === "moelab") return moelabUrl;
    return import.meta.resolve(specifier, this.#parent);
  }

  import = async (specifier: string, options?: ImportCallOptions): Promise<unknown> => {
    const url = this.#local(this.resolve(String(specifier)));
    if (url.endsWith(".json") && !options) {
      // The checker takes a JSON file without an import attribute; Node would refuse it.
      const value = this.require(fileURLToPath(url));
      return { default: value, ...value };
    }
    return await import(url, options);
  };

  /** The user's own files: TypeScript, too, and anew when they have changed since a cell last imported them. */
  #local(url: string): string {
    if (url.includes("/node_modules/") || url === moelabUrl) return url;
    const file = localFile(url);
    if (!file) return url;
    if (typescriptFile.test(file.url) && !this.#hooked) {
      this.#hooked = true;
      register("./typescriptHooks.js", import.meta.url);
    }
    const first = this.#imported.get(file.url) ?? file.modified;
    this.#imported.set(file.url, first);
    if (first === file.modified || file.url.endsWith(".json")) return file.url;
    return `${file.url}?modified=${file.modified}`;
  }
}
