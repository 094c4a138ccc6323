type StreamName = "stdout" | "stderr";

/** What waits to be emitted for a cell. */
interface Pending {
  texts: Map<StreamName, string[]>;
  flushed: (() => void)[];
}

/** At most one flush in this time, in milliseconds: twenty messages a second for each stream. */
const interval = 50;
/** The first text after a pause waits this long for more, in milliseconds. */
const patience = 4;

/**
 * Joins stream texts into few, large ones. Text of one stream of a cell stays in order; whoever emits anything else
 * for a cell calls {@link flush} first.
 */
export class StreamCoalescer<Cell> {
  readonly #emit: (cell: Cell, name: StreamName, text: string) => void;
  #pending = new Map<Cell, Pending>();
  #timer: NodeJS.Timeout | undefined;
  #lastFlush = 0;

  constructor(emit: (cell: Cell, name: StreamName, text: string) => void) {
    this.#emit = emit;
  }

  /** `flushed` is called when the text has been emitted. */
  add(cell: Cell, name: StreamName, text: string, flushed: () => void): void {
    if (this.#pending.size === 0) {
      const wait = Math.max(patience, this.#lastFlush + interval - performance.now());
      this.#timer = setTimeout(() => this.flush(), wait);
    }
    const pending: Pending = this.#pending.get(cell) ?? { texts: new Map(), flushed: [] };
    this.#pending.set(cell, pending);
    const texts = pending.texts.get(name);
    if (texts) texts.push(text);
    else pending.texts.set(name, [text]);
    pending.flushed.push(flushed);
  }

  flush(): void {
    if (this.#pending.size === 0) return;
    clearTimeout(this.#timer);
    const all = this.#pending;
    this.#pending = new Map();
    this.#lastFlush = performance.now();
    for (const [cell, { texts, flushed }] of all) {
      for (const [name, parts] of texts) this.#emit(cell, name, parts.join(""));
      for (const each of flushed) each();
    }
  }
}
