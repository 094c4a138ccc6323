import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import type { CellRun } from "./cellRun.js";

/**
 * Knows for which cell code runs. From Node 24 on an AsyncLocalStorage tells, through every promise and callback.
 * Before, such a storage stands on async hooks, and with those enabled the termination of a callback ends the
 * process; there a timer's callback, and the promises that it settles, belong to the cell that started the timer
 * (`scheduler.yield` counts as one), and anything else to the newest cell.
 */
export interface CellScope {
  /** Undefined when code runs for no cell in particular. */
  readonly cell: CellRun | undefined;
  /** Runs `code`, and what it sets off, for a cell. */
  run(cell: CellRun, code: () => void): void;
}

const contextFramesSince = 24;

export function createCellScope(immediately: (callback: () => void) => void): CellScope {
  const major = Number(process.versions.node.split(".")[0]);
  return major >= contextFramesSince ? new StorageScope() : new TurnScope(immediately);
}

class StorageScope implements CellScope {
  readonly #storage = new AsyncLocalStorage<CellRun>();

  get cell(): CellRun | undefined {
    return this.#storage.getStore();
  }

  run(cell: CellRun, code: () => void): void {
    this.#storage.run(cell, code);
  }
}

/** Holds a cell until the promises that its callback settled have run; at most for the rest of a turn of the loop. */
class TurnScope implements CellScope {
  readonly #immediately: (callback: () => void) => void;
  #current: CellRun | undefined;
  #ending = false;
  #runs = 0;

  constructor(immediately: (callback: () => void) => void) {
    this.#immediately = immediately;
  }

  get cell(): CellRun | undefined {
    return this.#current;
  }

  run(cell: CellRun, code: () => void): void {
    this.#current = cell;
    if (!this.#ending) {
      this.#ending = true;
      this.#immediately(() => {
        this.#ending = false;
        this.#current = undefined;
      });
    }
    const run = ++this.#runs;
    // A tick that a promise's callback asks for comes when no such callback is left. A termination may drop it.
    queueMicrotask(() =>
      process.nextTick(() => {
        if (run === this.#runs) this.#current = undefined;
      }),
    );
    code();
  }
}
