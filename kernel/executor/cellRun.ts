import type { Cancellation } from "./cancellation.js";
import type { Evaluator } from "./evaluator.js";

/** One execution of a cell, also after it is settled: its timers and promises may still produce output. */
export class CellRun {
  readonly number: number;
  readonly cancellation: Cancellation;
  /** Displays whose bundle is still being made; the cell is not done before they are shown. */
  readonly displays = new Set<Promise<void>>();
  settled = false;
  /** What runs its script, from its start to its end. */
  evaluator: Evaluator | undefined;
  /** Interrupts that reached this cell. */
  interrupts = 0;

  constructor(number: number, cancellation: Cancellation) {
    this.number = number;
    this.cancellation = cancellation;
  }

  async displaysShown(): Promise<void> {
    while (this.displays.size > 0) await Promise.allSettled(this.displays);
  }
}
