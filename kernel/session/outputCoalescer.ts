import type { Emission } from "./events.js";
import type { FrequentOutput } from "./frequentOutput.js";

interface Pending<Origin> {
  origin: Origin;
  output: FrequentOutput;
  /** The text of a stream, in parts. */
  texts: string[];
  emitted: (() => void)[];
}

/** At most one flush in this time, in milliseconds: twenty messages a second for each stream and each display. */
const interval = 50;
/** The first output after a pause waits this long for more, in milliseconds. */
const patience = 4;
/** More text, in UTF-16 units, or more outputs than this are not kept waiting. */
const muchText = 256 * 1024;
const manyOutputs = 200;
/** So many changes between the streams of a cell are kept in their order; beyond, each stream is joined for itself. */
const keptChanges = 20;

/**
 * Makes few outputs of many that follow each other closely: texts of a stream are joined, of updates of one display only
 * the last is kept, and nothing of what a cell cleared away. Whoever emits anything else calls {@link flush} first.
 */
export class OutputCoalescer<Origin> {
  readonly #emit: (origin: Origin, output: FrequentOutput) => Emission;
  #pending: Pending<Origin>[] = [];
  #textLength = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastFlush = 0;

  /** @param emit its promise, if it returns one, is waited for before `emitted` is called */
  constructor(emit: (origin: Origin, output: FrequentOutput) => Emission) {
    this.#emit = emit;
  }

  /** `emitted` is called when the output has been emitted, or is not needed any more. */
  add(origin: Origin, output: FrequentOutput, emitted: () => void): void {
    if (this.#pending.length === 0) {
      const wait = Math.max(patience, this.#lastFlush + interval - performance.now());
      this.#timer = setTimeout(() => this.flush(), wait);
    }
    if (output.type === "stream") this.#addText(origin, output, emitted);
    else {
      const superseded = output.type === "updateDisplay" ? this.#take(isUpdateOf(output.displayId)) : [];
      this.#push(origin, output, [...superseded, emitted]);
    }
    if (this.#textLength > muchText || this.#pending.length > manyOutputs) this.flush();
  }

  flush(): void {
    if (this.#pending.length === 0) return;
    clearTimeout(this.#timer);
    const all = this.#pending;
    this.#pending = [];
    this.#textLength = 0;
    this.#lastFlush = performance.now();
    for (const { origin, output, texts, emitted } of all) {
      const emission = this.#emit(
        origin,
        output.type === "stream" ? { ...output, text: texts.join("") } : output,
      );
      const done = () => {
        for (const each of emitted) each();
      };
      if (emission instanceof Promise) void emission.then(done);
      else done();
    }
  }

  #addText(origin: Origin, output: Extract<FrequentOutput, { type: "stream" }>, emitted: () => void): void {
    this.#textLength += output.text.length;
    const joined = this.#joinable(origin, output.name);
    if (joined) {
      joined.texts.push(output.text);
      joined.emitted.push(emitted);
    } else this.#push(origin, output, [emitted]).texts.push(output.text);
  }

  /** The text that more of the same stream can be added to. An update has no place among a cell's outputs. */
  #joinable(origin: Origin, name: "stdout" | "stderr"): Pending<Origin> | undefined {
    const own = this.#pending.filter(
      (each) => each.origin === origin && each.output.type !== "updateDisplay",
    );
    const texts = own.slice(own.findLastIndex(({ output }) => output.type !== "stream") + 1);
    const isSame = ({ output }: Pending<Origin>) => output.type === "stream" && output.name === name;
    const last = texts.at(-1);
    if (last && isSame(last)) return last;
    return texts.length < keptChanges ? undefined : texts.findLast(isSame);
  }

  #push(origin: Origin, output: FrequentOutput, emitted: (() => void)[]): Pending<Origin> {
    if (output.type === "display" || output.type === "stream") emitted.unshift(...this.#takeCleared(origin));
    const pending = { origin, output, texts: [], emitted };
    this.#pending.push(pending);
    return pending;
  }

  /** A cell's outputs before its last `clearOutput`, which the output that comes now makes invisible. */
  #takeCleared(origin: Origin): (() => void)[] {
    const cleared = this.#pending.findLast(
      (each) => each.origin === origin && each.output.type === "clearOutput",
    );
    if (!cleared) return [];
    const before = new Set(this.#pending.slice(0, this.#pending.indexOf(cleared)));
    return this.#take(
      (each) => before.has(each) && each.origin === origin && each.output.type !== "updateDisplay",
    );
  }

  /** Takes out what is not to be emitted; gives who waits for it. */
  #take(unneeded: (pending: Pending<Origin>) => boolean): (() => void)[] {
    const taken = this.#pending.filter(unneeded);
    if (taken.length > 0) this.#pending = this.#pending.filter((each) => !taken.includes(each));
    return taken.flatMap(({ emitted }) => emitted);
  }
}

function isUpdateOf(displayId: string) {
  return ({ output }: { output: FrequentOutput }) =>
    output.type === "updateDisplay" && output.displayId === displayId;
}
