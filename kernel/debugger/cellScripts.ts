/** A cell that was compiled to run. */
export interface CellScript {
  /** Names its JavaScript in V8. */
  name: string;
  /** As the user wrote it. */
  code: string;
  /** JSON text of a version 3 source map from its JavaScript to {@link code}. */
  sourceMap: string;
}

/** Scripts kept, for functions of theirs that are called later. */
const keptScripts = 2000;

/** The cells that an executor ran, for a debugger that comes later. */
export class CellScripts {
  readonly #scripts = new Map<string, CellScript>();
  /** Called before a cell runs; the cell waits for it. */
  onScript: ((script: CellScript) => Promise<void>) | null = null;

  /** A promise only when somebody wants the cell to wait. */
  add(script: CellScript): Promise<void> | undefined {
    this.#scripts.set(script.name, script);
    if (this.#scripts.size > keptScripts) this.#scripts.delete(this.#scripts.keys().next().value!);
    return this.onScript?.(script);
  }

  get(name: string): CellScript | undefined {
    return this.#scripts.get(name);
  }

  clear(): void {
    this.#scripts.clear();
  }
}
