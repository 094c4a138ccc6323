import { randomUUID } from "node:crypto";
import { type Host, host, type MimeBundle } from "../host.js";
import { type ProgressState, progressHtml, progressText } from "./progressText.js";

/** What a group shows of one of its bars. */
export interface ProgressBar {
  readonly running: boolean;
  /** @param time now, in seconds */
  snapshot(time: number): ProgressState;
  /** Its cell was interrupted; nothing may follow. */
  interrupted(): void;
}

/** Least milliseconds between two updates: in a notebook, on a terminal, in a log. */
const notebookInterval = 250;
const terminalInterval = 100;
const logInterval = 5000;

/**
 * Bars of one cell that run at the same time, shown as one output: a bar that starts while another runs stands below
 * it, in the place of one that has ended, so that the output does not grow with every inner loop.
 */
export class ProgressGroup {
  readonly #host: Host = host();
  readonly #displayId = `progress-${randomUUID()}`;
  readonly #interval: number;
  readonly #bars: ProgressBar[] = [];
  readonly #cell: object;
  #shown = false;
  /** When the next update may come, in milliseconds. */
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  /** The group of the running cell, a new one when none of its bars runs any more. */
  static current(): ProgressGroup {
    const cell = currentCell();
    let group = groups.get(cell);
    if (group?.running) return group;
    group = new ProgressGroup(cell);
    groups.set(cell, group);
    if (cell instanceof AbortSignal) group.#endWith(cell);
    return group;
  }

  private constructor(cell: object) {
    this.#cell = cell;
    const log = this.#host.kind === "terminal" && !process.stdout.isTTY;
    this.#interval = log ? logInterval : this.#host.kind === "terminal" ? terminalInterval : notebookInterval;
  }

  add(bar: ProgressBar): void {
    const ended = this.#bars.findIndex((each) => !each.running);
    if (ended < 0) this.#bars.push(bar);
    else this.#bars[ended] = bar;
    this.changed();
  }

  /** Something is to be shown anew, now or soon. */
  changed(): void {
    const now = performance.now();
    if (now >= this.#next) this.#draw(now);
    else this.#timer ??= setTimeout(() => this.#draw(performance.now()), this.#next - now).unref();
  }

  /** A bar has ended: the last state of all is shown without delay. */
  ended(): void {
    if (this.running) this.changed();
    else this.#draw(performance.now());
  }

  /** Shows the bars once more, for another cell than the first: both outputs follow them from now on. */
  showAgain(): void {
    if (currentCell() !== this.#cell) this.#host.display(this.#bundle(), { displayId: this.#displayId });
  }

  get running(): boolean {
    return this.#bars.some((bar) => bar.running);
  }

  #bundle(): MimeBundle {
    const states = this.#bars.map((bar) => bar.snapshot(performance.now() / 1000));
    return { "text/html": progressHtml(states), "text/plain": progressText(states) };
  }

  #draw(now: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = now + this.#interval;
    this.#host.display(this.#bundle(), { displayId: this.#displayId, update: this.#shown });
    this.#shown = true;
  }

  /**
   * Loops of an interrupted cell run no `finally`. The signal is listened to in a way that does not count as listening,
   * by which a cell would ask for time to stop by itself.
   */
  #endWith(signal: AbortSignal): void {
    const interrupted = () => {
      if (!this.running) return;
      for (const bar of this.#bars) if (bar.running) bar.interrupted();
      this.#draw(performance.now());
    };
    EventTarget.prototype.addEventListener.call(signal, "abort", interrupted, { once: true });
  }
}

const terminal = {};

/**
 * What tells cells from each other: their signals. That of a script stays alone, since asking for it changes what Ctrl-C
 * does.
 */
function currentCell(): object {
  return host().kind === "notebook" ? host().signal : terminal;
}

const groups = new WeakMap<object, ProgressGroup>();
