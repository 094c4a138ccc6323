import type { CellRun } from "./cellRun.js";
import type { UncaughtRejections } from "./uncaughtRejections.js";

/** Promises that the top level of cells waits for; see `cells/heldAwaits.ts`. */
export class HeldPromises {
  readonly #promises = new Set<Promise<unknown>>();
  readonly #uncaught: UncaughtRejections;
  readonly #currentCell: () => CellRun;
  readonly #goesOn: (cell: CellRun) => void;

  /** @param goesOn called just before the top level of a cell goes on behind a promise */
  constructor(uncaught: UncaughtRejections, currentCell: () => CellRun, goesOn: (cell: CellRun) => void) {
    this.#uncaught = uncaught;
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

  /** As {@link hold}, where a rejection ends the cell. */
  readonly holdUncaught = <T>(value: T): T =>
    this.hold(this.#uncaught.shown && value instanceof Promise ? (this.#uncaught.expose(value) as T) : value);

  /** The same iterable; each promise that it gives is held. */
  readonly holdEach = (iterable: any): any => {
    const { hold } = this;
    const asyncMethod = iterable?.[Symbol.asyncIterator];
    const syncMethod = iterable?.[Symbol.iterator];
    if (typeof asyncMethod === "function") {
      return { [Symbol.asyncIterator]: () => heldIterator(asyncMethod.call(iterable), hold) };
    }
    if (typeof syncMethod !== "function") return iterable;
    const holdValue = (result: any) => {
      const { done, value } = result;
      return { done, value: done ? value : hold(value) };
    };
    return { [Symbol.iterator]: () => heldIterator(syncMethod.call(iterable), holdValue) };
  };

  /** Nobody waits any more. */
  release(): void {
    this.#promises.clear();
  }
}

function heldIterator(iterator: any, hold: (result: any) => any): object {
  const { next } = iterator;
  return {
    next: () => hold(next.call(iterator)),
    get return() {
      const end = iterator.return;
      return end === undefined || end === null ? undefined : () => hold(end.call(iterator));
    },
  };
}
