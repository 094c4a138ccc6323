import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The API of the installation that this executor belongs to: this file lies in `dist/kernel/executor`. */
const moelabUrl = new URL("../../src/index.js", import.meta.url).href;

/** Imports as a file in the notebook's directory would; `moelab` is always the running installation. */
export class ModuleImport {
  /** Stands for the cell in resolution and in messages about what was not found. */
  readonly #parent: string;
  readonly require: NodeJS.Require;

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
    const url = this.resolve(String(specifier));
    if (url.endsWith(".json") && !options) {
      // The checker takes a JSON file without an import attribute; Node would refuse it.
      const value = this.require(fileURLToPath(url));
      return { default: value, ...value };
    }
    return await import(url, options);
  };
}
