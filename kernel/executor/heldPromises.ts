import type { CellRun } from "./cellRun.js";

/** Promises that the top level of cells waits for; see `cells/heldAwaits.ts`. */
export class HeldPromises {
  readonly #promises = new Set<Promise<unknown>>();
  readonly #currentCell: () => CellRun;
  readonly #goesOn: (cell: CellRun) => void;

  /** @param goesOn called just before the top level of a cell goes on behind a promise */
  constructor(currentCell: () => CellRun, goesOn: (cell: CellRun) => void) {
    this.#currentCell = currentCell;
    this.#goesOn = goesOn;
  }

  readonly hold = <T>(value: T): T => {
    if (value instanceof Promise) {
      const cell = this.#currentCell();
      this.#promises.add(value);
      // The callback that stands just before that of the `await`.
      const settled = () => {
        this.#promises.delete(value);
        this.#goesOn(cell);
      };
      value.then(settled, settled);
    }
    return value;
  };

  /** Nobody waits any more. */
  release(): void {
    this.#promises.clear();
  }
}
