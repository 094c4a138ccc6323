import type { SharedState } from "./sharedState.js";
import type { ToMain } from "./threads.js";

/** How long the main thread may take to answer before its code is terminated, in milliseconds. */
const answerTime = 100;
/** The same for a cell that looks at its abort signal, which may be in the middle of a long step. */
const cooperativeAnswerTime = 5000;
/** How long a termination that found nothing to terminate may linger. */
const lingerTime = 2000;

/** The main thread's code as its interruption sees it. */
export interface Interruptible {
  /** It stands at a breakpoint of the debugger. */
  readonly paused: boolean;
  terminate(): Promise<void>;
}

/**
 * Stops what the main thread does. A ping asks whether it takes messages, and aborts the signals of the running cells
 * if so. If it does not answer in time, its code is terminated, again and again until it answers.
 */
export class Interruption {
  readonly #shared: SharedState;
  readonly #postToMain: (message: ToMain) => void;
  readonly #code: Interruptible;
  #pings = 0;
  #underWay = false;
  #urgent = false;

  constructor(shared: SharedState, postToMain: (message: ToMain) => void, code: Interruptible) {
    this.#shared = shared;
    this.#postToMain = postToMain;
    this.#code = code;
  }

  /**
   * A second call while the first is under way takes away the time that a cooperative cell has.
   *
   * @param newestCell the one that was handed to the main thread last
   */
  async interrupt(newestCell: number): Promise<void> {
    this.#shared.interruptedThrough = newestCell;
    if (this.#underWay) {
      this.#urgent = true;
      return;
    }
    this.#underWay = true;
    const terminated = await this.#untilMainAnswers();
    this.#underWay = false;
    this.#urgent = false;
    this.#postToMain({ type: "interrupted", terminated });
  }

  /** Whether it took a termination. */
  async #untilMainAnswers(): Promise<boolean> {
    const start = performance.now();
    // Paused code takes no notice of anything, and what stands behind the breakpoint is not to run.
    const time = () => {
      if (this.#code.paused) return 0;
      return this.#shared.cooperative && !this.#urgent ? cooperativeAnswerTime : answerTime;
    };
    if (await this.#answered(() => performance.now() - start < time())) return false;
    let pending = 0;
    do {
      pending++;
      void this.#code.terminate().then(() => pending--);
    } while (!(await this.#answeredWithin(answerTime)));
    // A termination that came too late would hit the next thing that runs: let it hit a ping.
    const answeredAt = performance.now();
    while (pending > 0 && performance.now() - answeredAt < lingerTime) await this.#answeredWithin(20);
    return true;
  }

  #answeredWithin(milliseconds: number): Promise<boolean> {
    const start = performance.now();
    return this.#answered(() => performance.now() - start < milliseconds);
  }

  async #answered(inTime: () => boolean): Promise<boolean> {
    const ping = ++this.#pings;
    this.#postToMain({ type: "ping", ping });
    while (this.#shared.acknowledgedPing < ping) {
      if (!inTime()) return false;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return true;
  }
}
