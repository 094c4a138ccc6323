import type { SharedState } from "./sharedState.js";
import type { ToMain } from "./threads.js";

/** How long the main thread may take to answer before its code is terminated, in milliseconds. */
const answerTime = 100;
/**
 * The same for code that is not to be torn apart at once: a cell that looks at its abort signal, which may be in the
 * middle of a long step, and work that goes on between cells.
 */
const patientAnswerTime = 5000;
/** How long a termination that found nothing to terminate may linger. */
const lingerTime = 2000;
/** From here on processes that ignore a Ctrl-C are killed if the main thread waits for them; of all others later. */
const stubbornChildTime = 150;
const anyChildTime = 2000;
/** When the user is told that it is native code that does not end, in milliseconds. */
const explainTime = 1500;
/** How long code may take to deal with the end of a system call before the next means, in milliseconds. */
const systemCallTime = 40;
const systemCallTries = 2;
/** When the user is told that the cell was given time, in milliseconds. */
const patienceNoticeTime = 1000;

/** The main thread's code as its interruption sees it. */
export interface Interruptible {
  /** It stands at a breakpoint of the debugger. */
  readonly paused: boolean;
  terminate(): Promise<void>;
}

type PostToMain = (message: ToMain, transferred?: ArrayBuffer[]) => void;

/** What an interruption does to the main thread and to the processes that cells started. */
export interface InterruptionMeans {
  /** Stops the JavaScript that runs. */
  readonly inspector: Interruptible;
  /** Sends running cells' processes what a terminal sends on Ctrl-C. */
  interruptChildren(): void;
  /** Ends the processes for which the main thread waits; those that deal with the Ctrl-C only with `all`. */
  killChildren(all: boolean): void;
  /** Ends the system call in which the main thread waits; false when there is none that could be ended. */
  endSystemCall(): boolean;
  /** The main thread runs JavaScript again. */
  systemCallEnded(): void;
  /** The main thread is in native code that takes long. */
  explain(): void;
  /** The cells were told to stop and have some seconds left for it. */
  explainPatience(): void;
}

/**
 * Stops what the main thread does. A ping asks whether it takes messages, and aborts the signals of the running cells
 * if so. If it does not answer in time, its code is terminated, again and again until it answers; so it goes on until
 * each interrupted cell is settled.
 */
export class Interruption {
  readonly #shared: SharedState;
  readonly #postToMain: PostToMain;
  readonly #running: ReadonlyMap<number, "run" | "comm">;
  readonly #means: InterruptionMeans;
  #pings = 0;
  #underWay = false;
  #urgent = false;
  #terminating = false;
  /** What waits for the main thread to answer: a termination must not hit it. */
  #heldBack: Parameters<PostToMain>[] | undefined;

  /** @param running what was handed over and is not done: cells, and what comm messages set off */
  constructor(
    shared: SharedState,
    postToMain: PostToMain,
    running: ReadonlyMap<number, "run" | "comm">,
    means: InterruptionMeans,
  ) {
    this.#shared = shared;
    this.#running = running;
    this.#postToMain = postToMain;
    this.#means = means;
  }

  /** Hands a cell or a comm message to the main thread, or does so later if that is to be terminated. */
  handOver(...posted: Parameters<PostToMain>): void {
    if (this.#heldBack) this.#heldBack.push(posted);
    else this.#postToMain(...posted);
  }

  /**
   * A second call while the first is under way takes away the time that cells have to stop by themselves.
   *
   * @param newestCell the one that was handed over last
   */
  async interrupt(newestCell: number): Promise<void> {
    this.#shared.interruptedThrough = newestCell;
    if (this.#running.size > 0) this.#means.interruptChildren();
    if (this.#underWay) {
      this.#urgent = true;
      return;
    }
    this.#underWay = true;
    const patienceNotice = setTimeout(() => this.#explainPatience(), patienceNoticeTime);
    do await this.#stop();
    while (this.#toStop.length > 0);
    clearTimeout(patienceNotice);
    this.#underWay = false;
    this.#urgent = false;
  }

  #explainPatience(): void {
    if (this.#urgent || this.#terminating || this.#toStop.length === 0 || !this.#shared.cooperative) return;
    this.#means.explainPatience();
  }

  /** Ends when all interrupted cells have ended, or when the main thread is busy again. */
  async #stop(): Promise<void> {
    this.#heldBack ??= [];
    let terminated = await this.#untilMainAnswers();
    const answeredAt = performance.now();
    for (;;) {
      const ping = ++this.#pings;
      const waited = performance.now() - answeredAt;
      this.#postToMain({
        type: "interrupted",
        ping,
        cells: this.#toStop,
        waited,
        terminated,
        urgent: this.#urgent,
      });
      terminated = false;
      this.#letRun();
      if (!(await this.#acknowledged(ping, () => this.#answerTime))) return;
      if (this.#toStop.length === 0) return;
      await pause(10);
    }
  }

  #letRun(): void {
    const held = this.#heldBack ?? [];
    this.#heldBack = undefined;
    for (const posted of held) this.#postToMain(...posted);
  }

  /** What the main thread has and has not done yet. */
  get #atWork(): [cell: number, type: "run" | "comm"][] {
    const heldBack = new Set(this.#heldBack?.map(([message]) => ("cell" in message ? message.cell : 0)));
    return [...this.#running].filter(([cell]) => !heldBack.has(cell));
  }

  /** The interrupted cells that were handed over and have not ended. */
  get #toStop(): number[] {
    const { interruptedThrough } = this.#shared;
    return this.#atWork
      .filter(([cell, type]) => type === "run" && cell <= interruptedThrough)
      .map(([cell]) => cell);
  }

  get #answerTime(): number {
    // Paused code takes no notice of anything, and what stands behind the breakpoint is not to run.
    if (this.#means.inspector.paused) return 0;
    const patient = this.#shared.cooperative || this.#atWork.length === 0;
    return patient && !this.#urgent ? patientAnswerTime : answerTime;
  }

  /** Whether it took a termination. */
  async #untilMainAnswers(): Promise<boolean> {
    if (await this.#acknowledged(this.#ping(), () => this.#answerTime)) return false;
    this.#terminating = true;
    const terminated = !(await this.#answersBehindSystemCall());
    if (terminated) await this.#terminateUntilMainAnswers();
    this.#terminating = false;
    this.#means.systemCallEnded();
    return terminated;
  }

  /**
   * Whether the main thread answers once its system call has ended. Before any termination: the error of the call would
   * end the cell while a termination is due, and V8's inspector, which then takes over, gives up the whole process.
   */
  async #answersBehindSystemCall(): Promise<boolean> {
    for (let tries = 0; tries < systemCallTries && this.#means.endSystemCall(); tries++) {
      if (await this.#answersWithin(systemCallTime)) return true;
    }
    return false;
  }

  async #terminateUntilMainAnswers(): Promise<void> {
    const start = performance.now();
    let explained = false;
    let pending = 0;
    do {
      pending++;
      this.#shared.endNow = true;
      void this.#means.inspector.terminate().then(() => pending--);
      const waited = performance.now() - start;
      if (waited > stubbornChildTime - answerTime) {
        this.#means.killChildren(waited > anyChildTime || this.#urgent);
      }
      if (waited > explainTime && !explained) {
        explained = true;
        this.#means.explain();
      }
      this.#means.endSystemCall();
    } while (!(await this.#answersWithin(answerTime)) || !(await this.#isSettled(() => pending > 0)));
  }

  /**
   * Whether the main thread goes on answering when terminations are over. One that came too late would hit the next
   * thing that runs: it is to hit a ping.
   */
  async #isSettled(isPending: () => boolean): Promise<boolean> {
    const start = performance.now();
    while (isPending() && performance.now() - start < lingerTime) await this.#answersWithin(20);
    return (await this.#answersWithin(answerTime)) || (await this.#answersWithin(answerTime));
  }

  #answersWithin(milliseconds: number): Promise<boolean> {
    return this.#acknowledged(this.#ping(), () => milliseconds);
  }

  #ping(): number {
    const ping = ++this.#pings;
    this.#postToMain({ type: "ping", ping });
    return ping;
  }

  /** Whether the main thread answered within so many milliseconds. */
  async #acknowledged(ping: number, time: () => number): Promise<boolean> {
    const start = performance.now();
    while (this.#shared.acknowledgedPing < ping) {
      if (performance.now() - start > time()) return false;
      await pause(2);
    }
    return true;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
