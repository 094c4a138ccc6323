import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import type { CellRun } from "./cellRun.js";

/**
 * Knows for which cell code runs. From Node 24 on an AsyncLocalStorage tells, through every promise and callback.
 * Before, such a storage stands on async hooks, and with those enabled the termination of a callback ends the
 * process; there a timer's callback, what follows an `await` at the top level, and the promises that either settles,
 * belong to their cell (`scheduler.yield` counts as a timer), and anything else to the newest cell that runs.
 */
export interface CellScope {
  /** Undefined when code runs for no cell in particular. */
  readonly cell: CellRun | undefined;
  /** Runs `code`, and what it sets off, for a cell. */
  run(cell: CellRun, code: () => void): void;
}

/** Called when code begins to run for a cell, and with undefined when it is not known any more for which. */
type OnHolder = (cell: CellRun | undefined) => void;

const contextFramesSince = 24;

export function createCellScope(immediately: (callback: () => void) => void, onHolder: OnHolder): CellScope {
  const major = Number(process.versions.node.split(".")[0]);
  const turns = new TurnScope(immediately, onHolder);
  return major >= contextFramesSince ? new StorageScope(turns) : turns;
}

class StorageScope implements CellScope {
  readonly #storage = new AsyncLocalStorage<CellRun>();
  readonly #turns: TurnScope;

  constructor(turns: TurnScope) {
    this.#turns = turns;
  }

  get cell(): CellRun | undefined {
    return this.#storage.getStore();
  }

  run(cell: CellRun, code: () => void): void {
    this.#turns.run(cell, () => this.#storage.run(cell, code));
  }
}

/** Holds a cell until the promises that its callback settled have run; at most for the rest of a turn of the loop. */
class TurnScope implements CellScope {
  readonly #immediately: (callback: () => void) => void;
  readonly #onHolder: OnHolder;
  #current: CellRun | undefined;
  #ending = false;
  #runs = 0;

  constructor(immediately: (callback: () => void) => void, onHolder: OnHolder) {
    this.#immediately = immediately;
    this.#onHolder = onHolder;
  }

  get cell(): CellRun | undefined {
    return this.#current;
  }

  run(cell: CellRun, code: () => void): void {
    this.#hold(cell);
    if (!this.#ending) {
      this.#ending = true;
      this.#immediately(() => {
        this.#ending = false;
        this.#hold(undefined);
      });
    }
    const run = ++this.#runs;
    // A tick that a promise's callback asks for comes when no such callback is left. A termination may drop it.
    queueMicrotask(() =>
      process.nextTick(() => {
        if (run === this.#runs) this.#hold(undefined);
      }),
    );
    code();
  }

  #hold(cell: CellRun | undefined): void {
    if (cell === this.#current) return;
    this.#current = cell;
    this.#onHolder(cell);
  }
}
