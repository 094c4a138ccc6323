import { displaySymbol, type MimeBundle } from "../host.js";
import { type ProgressBar, ProgressGroup } from "./progressGroup.js";
import type { ProgressState } from "./progressText.js";
import { Speed } from "./speed.js";

export interface ProgressOptions {
  /** What is being done, in front of the bar. Default none. */
  label?: string;
  /** How many there will be. Default: the `length` or `size` of what is iterated, if it has one. */
  total?: number;
  /** What is counted, for example "batches"; "B" for bytes, shown as kB, MB and so on. Default none. */
  unit?: string;
}

type Source<T> = Iterable<T> | AsyncIterable<T>;

/** A bar over what can only be iterated with `for await`. */
export type AsyncProgress<T> = Omit<Progress<T>, typeof Symbol.iterator>;

/**
 * A progress bar, which shows itself at once: in a notebook as one output that changes in place and stays in the file
 * with its last state, on a terminal as a line that is written over.
 *
 * ```ts
 * for (const batch of progress(batches, { label: "epoch 1", unit: "batches" })) …
 * for await (const token of progress(stream, { total: 256, unit: "tokens" })) …
 * using bar = progress(file.size, { unit: "B" });
 * bar.update(chunk.length);
 * ```
 *
 * Bars that start while another of the same cell runs stand below it. A bar that is left early, by `break`, an error or
 * an interrupt, says so.
 *
 * @param source what is iterated, or how many there are: then the bar counts by {@link Progress.update}, or gives the
 *   numbers from 0 when it is iterated
 * @throws TypeError for anything else, and for a total that is no number of things
 */
export function progress(total: number, options?: ProgressOptions): Progress<number>;
export function progress<T>(source: Iterable<T>, options?: ProgressOptions): Progress<T>;
export function progress<T>(source: AsyncIterable<T>, options?: ProgressOptions): AsyncProgress<T>;
export function progress<T>(source: number | Source<T>, options: ProgressOptions = {}): Progress<any> {
  return new Progress(source, options);
}

/** See {@link progress}. */
export class Progress<T = number> {
  readonly #source: Source<T> | undefined;
  readonly #unit: string;
  readonly #speed = new Speed();
  readonly #started = seconds();
  readonly #group = ProgressGroup.current();
  readonly #bar: ProgressBar;
  #ended = 0;
  #state: ProgressState["state"] = "running";
  #count = 0;
  #total: number | undefined;
  #label: string;
  #note = "";

  constructor(source: number | Source<T>, { label = "", total, unit = "" }: ProgressOptions = {}) {
    const counts = typeof source === "number";
    if (!counts && !isIterable(source)) {
      throw new TypeError(
        `progress: expected something to iterate or how many there are, got ${typeof source}.`,
      );
    }
    this.#total = checkedTotal(total ?? (counts ? source : sizeOf(source)));
    this.#source = counts ? undefined : source;
    this.#label = String(label);
    this.#unit = unit;
    this.#speed.add(0, this.#started);
    this.#bar = this.#shownBar();
    this.#group.add(this.#bar);
  }

  /** How many are done. */
  get count(): number {
    return this.#count;
  }

  /** How many there will be; undefined when that is not known. */
  get total(): number | undefined {
    return this.#total;
  }

  set total(total: number | undefined) {
    this.#total = checkedTotal(total);
    this.#group.changed();
  }

  get label(): string {
    return this.#label;
  }

  set label(label: string) {
    this.#label = String(label);
    this.#group.changed();
  }

  /** Text behind the bar, for example the loss. */
  get note(): string {
    return this.#note;
  }

  set note(note: string) {
    this.#note = String(note);
    this.#group.changed();
  }

  /** Counts `by` more. The bar ends when its total is reached. */
  update(by = 1): void {
    if (!Number.isFinite(by)) throw new TypeError(`Progress.update: expected a finite number, got ${by}.`);
    this.#count += by;
    if (this.#state === "stopped") this.#state = "running";
    if (this.#total !== undefined && this.#count >= this.#total) this.done();
    else this.#group.changed();
  }

  /** Ends the bar: all is done, also when that was less than expected. */
  done(): void {
    this.#end("done");
  }

  /** Ends the bar before its time. */
  stop(): void {
    this.#end("stopped");
  }

  /** At the end of a `using` block: stopped, unless its total was reached or is not known. */
  [Symbol.dispose](): void {
    if (this.#total === undefined) this.done();
    else this.stop();
  }

  *[Symbol.iterator](): Generator<T> {
    const source = this.#source ?? (range(this.#total ?? 0) as Iterable<any>);
    if (!(Symbol.iterator in source)) {
      throw new TypeError(
        "progress: this can only be iterated asynchronously: for await (const item of progress(…)).",
      );
    }
    try {
      for (const item of source) {
        yield item;
        this.#advance();
      }
      this.done();
    } finally {
      this.stop();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for await (const item of this.#source ?? (range(this.#total ?? 0) as Iterable<any>)) {
        yield item;
        this.#advance();
      }
      this.done();
    } finally {
      this.stop();
    }
  }

  /** In the cell that made it, it is shown already; in others it is shown once more, and both follow. */
  [displaySymbol](): MimeBundle {
    this.#group.showAgain();
    return {};
  }

  /** Without an end, which the source alone knows. */
  #advance(): void {
    this.#count++;
    if (this.#state === "stopped") this.#state = "running";
    this.#group.changed();
  }

  #end(state: "done" | "stopped"): void {
    if (this.#state !== "running") return;
    this.#state = state;
    this.#ended = seconds();
    this.#group.ended();
  }

  #shownBar(): ProgressBar {
    const running = () => this.#state === "running";
    return {
      get running() {
        return running();
      },
      snapshot: (time) => this.#snapshot(time),
      interrupted: () => {
        this.#state = "stopped";
        this.#ended = seconds();
      },
    };
  }

  #snapshot(time: number): ProgressState {
    const running = this.#state === "running";
    if (running) this.#speed.add(this.#count, time);
    const elapsed = (running ? time : this.#ended) - this.#started;
    const average = this.#count > 0 && elapsed > 0 ? this.#count / elapsed : undefined;
    return {
      label: this.#label,
      count: this.#count,
      total: this.#total,
      unit: this.#unit,
      state: this.#state,
      elapsed,
      perSecond: running ? this.#speed.perSecond : average,
      note: this.#note,
    };
  }
}

function seconds(): number {
  return performance.now() / 1000;
}

function isIterable(source: unknown): source is Source<unknown> {
  if (typeof source === "string") return true;
  return (
    typeof source === "object" &&
    source !== null &&
    (Symbol.iterator in source || Symbol.asyncIterator in source)
  );
}

function sizeOf(source: any): number | undefined {
  const size = source.length ?? source.size;
  return typeof size === "number" ? size : undefined;
}

function checkedTotal(total: number | undefined): number | undefined {
  if (total === undefined || (typeof total === "number" && total >= 0 && total < Infinity)) return total;
  throw new TypeError(`progress: expected a total of 0 or more, got ${total}.`);
}

function* range(end: number): Generator<number> {
  for (let number = 0; number < end; number++) yield number;
}
