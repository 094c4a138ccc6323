import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { promisify } from "node:util";
import type { CellRun } from "./cellRun.js";
import type { CellScope } from "./cellScope.js";

type Callback = (...values: any[]) => void;

/** The functions as Node made them, for the executor's own use. */
export const { setTimeout: nodeSetTimeout, setImmediate: nodeSetImmediate } = timers;
const nodeSetInterval = timers.setInterval;

/** Timers kept for a cell before those that are over are dropped. */
const sweepSize = 1024;

/**
 * Timers that know their cell: their callbacks run for it, and when it is interrupted they are cleared, so that a
 * loop which sleeps does not go on in the background.
 */
export class CellTimers {
  readonly #timers = new WeakMap<CellRun, Set<NodeJS.Timeout | NodeJS.Immediate>>();
  readonly #scope: CellScope;
  readonly #currentCell: () => CellRun;

  constructor(scope: CellScope, currentCell: () => CellRun) {
    this.#scope = scope;
    this.#currentCell = currentCell;
  }

  clear(cell: CellRun): void {
    for (const timer of this.#timers.get(cell) ?? []) {
      timers.clearTimeout(timer as NodeJS.Timeout);
      timers.clearImmediate(timer as NodeJS.Immediate);
    }
    this.#timers.delete(cell);
  }

  /** Replaces the functions of `globalThis`, `node:timers` and `node:timers/promises`. */
  install(): void {
    const setTimeout = this.#owned(nodeSetTimeout, true);
    const setInterval = this.#owned(nodeSetInterval, false);
    const setImmediate = this.#owned(nodeSetImmediate, true);
    const sleep = (delay?: number, value?: unknown, options?: any) => {
      // A signal needs Node's own; its timer is not ours to clear, the signal does that.
      if (options?.signal) return nodeSleep(delay, value, options);
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, delay, value) as NodeJS.Timeout;
        if (options?.ref === false) timer.unref();
      });
    };
    const immediate = (value?: unknown, options?: any) => {
      if (options?.signal) return nodeImmediate(value, options);
      return new Promise((resolve) => void setImmediate(resolve, value));
    };
    // Not cleared with the cell: work that outlives it goes on through this.
    const yieldTurn = () => {
      const cell = this.#currentCell();
      return new Promise<void>((resolve) => void nodeSetImmediate(() => this.#scope.run(cell, resolve)));
    };
    const { setTimeout: nodeSleep, setImmediate: nodeImmediate } = timersPromises;
    Object.defineProperty(setTimeout, promisify.custom, { value: sleep });
    Object.defineProperty(setImmediate, promisify.custom, { value: immediate });
    Object.assign(globalThis, { setTimeout, setInterval, setImmediate });
    Object.assign(timers, { setTimeout, setInterval, setImmediate });
    Object.assign(timersPromises, { setTimeout: sleep, setImmediate: immediate });
    Object.defineProperty(timersPromises.scheduler, "yield", { value: yieldTurn });
    syncBuiltinESMExports();
  }

  #owned(start: (callback: Callback, ...rest: any[]) => any, once: boolean) {
    return (callback: Callback, ...rest: any[]) => {
      // Node's own complaint about what is not a function.
      if (typeof callback !== "function") return start(callback, ...rest);
      const cell = this.#currentCell();
      const timer = start(
        (...values) => {
          if (once) this.#timers.get(cell)?.delete(timer);
          this.#scope.run(cell, () => callback(...values));
        },
        ...rest,
      );
      this.#keep(cell, timer);
      return timer;
    };
  }

  #keep(cell: CellRun, timer: NodeJS.Timeout | NodeJS.Immediate): void {
    const kept = this.#timers.get(cell) ?? new Set();
    this.#timers.set(cell, kept.add(timer));
    if (kept.size % sweepSize !== 0) return;
    for (const each of kept) if ((each as any)._destroyed) kept.delete(each);
  }
}
