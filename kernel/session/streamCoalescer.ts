type StreamName = "stdout" | "stderr";

interface Pending<Cell> {
  cell: Cell;
  texts: Map<StreamName, string[]>;
  flushed: (() => void)[];
}

/** At most one flush in this time, in milliseconds: twenty messages a second for each stream. */
const interval = 50;
/** The first text after a pause waits this long for more, in milliseconds. */
const patience = 4;

/**
 * Joins stream texts into few, large ones. Text of one stream stays in order; whoever emits anything else for a cell
 * calls {@link flush} first.
 */
export class StreamCoalescer<Cell> {
  readonly #emit: (cell: Cell, name: StreamName, text: string) => void;
  #pending: Pending<Cell> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #lastFlush = 0;

  constructor(emit: (cell: Cell, name: StreamName, text: string) => void) {
    this.#emit = emit;
  }

  /** `flushed` is called when the text has been emitted. */
  add(cell: Cell, name: StreamName, text: string, flushed: () => void): void {
    if (this.#pending && this.#pending.cell !== cell) this.flush();
    if (!this.#pending) {
      this.#pending = { cell, texts: new Map(), flushed: [] };
      const wait = Math.max(patience, this.#lastFlush + interval - performance.now());
      this.#timer = setTimeout(() => this.flush(), wait);
    }
    const texts = this.#pending.texts.get(name);
    if (texts) texts.push(text);
    else this.#pending.texts.set(name, [text]);
    this.#pending.flushed.push(flushed);
  }

  flush(): void {
    const pending = this.#pending;
    if (!pending) return;
    clearTimeout(this.#timer);
    this.#pending = null;
    this.#lastFlush = performance.now();
    for (const [name, texts] of pending.texts) this.#emit(pending.cell, name, texts.join(""));
    for (const flushed of pending.flushed) flushed();
  }
}
