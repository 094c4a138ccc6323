import { isPromise } from "node:util/types";
import type { HostOutput } from "../../src/host.js";
import type { Cancellation } from "./cancellation.js";
import type { Evaluator } from "./evaluator.js";

type Capture = (output: HostOutput) => void;

/**
 * One execution of a cell, also after it is settled: its timers and promises may still produce output. What a message
 * of the front end sets off is one, too.
 */
export class CellRun {
  readonly number: number;
  readonly cancellation: Cancellation;
  /** Displays whose bundle is still being made; the cell is not done before they are shown. */
  readonly displays = new Set<Promise<void>>();
  /** Take the outputs in place of the front end; the last one that was added is in force. */
  readonly #captures: Capture[] = [];
  /** Called when the code has ended, before its value is shown. */
  readonly endListeners: (() => void)[] = [];
  settled = false;
  /** What runs its script, from its start to its end. */
  evaluator: Evaluator | undefined;

  constructor(number: number, cancellation: Cancellation) {
    this.number = number;
    this.cancellation = cancellation;
  }

  /** It is over: an interrupt of others does not concern what it left behind. */
  settle(): void {
    this.settled = true;
    this.cancellation.settle();
  }

  /** Who gets this cell's outputs, if not the front end. */
  get capture(): Capture | undefined {
    return this.#captures.at(-1);
  }

  /** Runs `code`; until it and the promise it may return are settled, outputs go to `sink`. */
  captured<R>(sink: Capture, code: () => R): R {
    const release = () => {
      const at = this.#captures.lastIndexOf(sink);
      if (at >= 0) this.#captures.splice(at, 1);
    };
    this.#captures.push(sink);
    let returned: R;
    try {
      returned = code();
    } catch (fault) {
      release();
      throw fault;
    }
    if (isPromise(returned)) returned.then(release, release);
    else release();
    return returned;
  }

  /** Ends what terminated code could not end. */
  releaseCaptures(): void {
    this.#captures.length = 0;
  }

  codeEnded(): void {
    for (const listener of this.endListeners.splice(0)) listener();
  }

  async displaysShown(): Promise<void> {
    while (this.displays.size > 0) await Promise.allSettled(this.displays);
  }
}
