import { fileURLToPath } from "node:url";
import { modifiedAt } from "./localModules.js";

interface LocalModule {
  readonly file: string;
  modified: number | undefined;
  readonly imports: Set<LocalModule>;
  /** The edit of this very file that was noticed last. */
  edit: number;
  /** How many edits were known when the module was last imported. */
  importedAt: number;
  version: number;
}

/**
 * Knows which of the user's files import which, and so which to load anew: those that were written since, and those
 * that import one of these. Edits are numbered as they are noticed.
 */
export class ModuleEdits {
  readonly #modules = new Map<string, LocalModule>();
  #edits = 0;

  /** The version of a file that is imported now: 0 until it, or something that it imports, is edited. */
  version(url: string): number {
    const module = this.#module(url);
    if (this.#newestEdit(module) > module.importedAt) module.version = this.#edits;
    module.importedAt = this.#edits;
    return module.version;
  }

  imports(importer: string, imported: string): void {
    this.#module(importer).imports.add(this.#module(imported));
  }

  /** Something that the file imports was not found, which Node would remember: it counts as edited. */
  failed(importer: string): void {
    this.#module(importer).modified = undefined;
  }

  #module(url: string): LocalModule {
    const file = fileURLToPath(url);
    const known = this.#modules.get(file);
    if (known) return known;
    const modified = modifiedAt(file);
    const module = {
      file,
      modified,
      imports: new Set<LocalModule>(),
      edit: 0,
      importedAt: this.#edits,
      version: 0,
    };
    this.#modules.set(file, module);
    return module;
  }

  /** The newest edit of a file and of all that it imports, directly or not. */
  #newestEdit(start: LocalModule): number {
    const reached = new Set([start]);
    let newest = 0;
    for (const module of reached) {
      const modified = modifiedAt(module.file);
      if (modified !== module.modified) {
        module.modified = modified;
        module.edit = ++this.#edits;
        module.imports.clear();
      }
      newest = Math.max(newest, module.edit);
      for (const imported of module.imports) reached.add(imported);
    }
    return newest;
  }
}
