import { createHook } from "node:async_hooks";

interface Timer {
  _destroyed?: boolean;
}

/**
 * The timers that each cell started, however it did: `setTimeout`, `node:timers/promises`, a library. When a cell is
 * interrupted its timers are cleared, so that a loop which sleeps does not go on in the background.
 */
export class CellTimers<Cell extends object> {
  readonly #timers = new WeakMap<Cell, Set<Timer>>();
  readonly #sweepAt = new WeakMap<Cell, number>();

  /** `currentCell` tells for which cell code runs now; undefined when for none. */
  constructor(currentCell: () => Cell | undefined) {
    createHook({
      init: (_id, type, _trigger, resource) => {
        if (type !== "Timeout" && type !== "Immediate") return;
        const cell = currentCell();
        if (cell) this.#add(cell, resource as Timer);
      },
    }).enable();
  }

  clear(cell: Cell): void {
    for (const timer of this.#timers.get(cell) ?? []) {
      clearTimeout(timer as NodeJS.Timeout);
      clearImmediate(timer as unknown as NodeJS.Immediate);
    }
    this.#timers.delete(cell);
  }

  #add(cell: Cell, timer: Timer): void {
    const timers = this.#timers.get(cell) ?? new Set();
    this.#timers.set(cell, timers.add(timer));
    // Finished timers are dropped now and then; a hook for each end would slow down every promise.
    if (timers.size < (this.#sweepAt.get(cell) ?? 1024)) return;
    for (const each of timers) if (each._destroyed) timers.delete(each);
    this.#sweepAt.set(cell, Math.max(1024, 2 * timers.size));
  }
}
