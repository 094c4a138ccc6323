/**
 * The few numbers that an executor's main thread and its control worker share, so that each can learn of the other
 * while the main thread computes and takes no messages.
 */
export class SharedState {
  /** Index of each number. */
  static readonly #acknowledgedPing = 0;
  static readonly #unsent = 1;
  static readonly #interruptedThrough = 2;
  static readonly #cooperative = 3;
  static readonly #inputAnswered = 4;
  static readonly #channelClosed = 5;
  static readonly #startedCells = 6;
  static readonly #endNow = 7;

  /** UTF-16 units of output that may be under way before whoever makes more has to wait. */
  static readonly unsentLimit = 1024 * 1024;

  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(buffer = new SharedArrayBuffer(8 * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer);
  }

  /** The last ping that the main thread answered: whether it takes messages. */
  get acknowledgedPing(): number {
    return Atomics.load(this.#numbers, SharedState.#acknowledgedPing);
  }

  set acknowledgedPing(ping: number) {
    Atomics.store(this.#numbers, SharedState.#acknowledgedPing, ping);
  }

  /**
   * The newest cell when the user interrupted last: it and all earlier ones that still ran then are to stop. Visible to
   * the main thread at once, even in a busy loop.
   */
  get interruptedThrough(): number {
    return Atomics.load(this.#numbers, SharedState.#interruptedThrough);
  }

  set interruptedThrough(cell: number) {
    Atomics.store(this.#numbers, SharedState.#interruptedThrough, cell);
  }

  /** Whether what runs looks at its abort signal and so can be trusted to stop by itself. */
  get cooperative(): boolean {
    return Atomics.load(this.#numbers, SharedState.#cooperative) === 1;
  }

  set cooperative(value: boolean) {
    Atomics.store(this.#numbers, SharedState.#cooperative, value ? 1 : 0);
  }

  /** How many cells the main thread has begun. */
  get startedCells(): number {
    return Atomics.load(this.#numbers, SharedState.#startedCells);
  }

  cellStarts(): void {
    Atomics.add(this.#numbers, SharedState.#startedCells, 1);
  }

  /** The code that runs is being terminated. The main thread takes it back when it runs nothing any more. */
  set endNow(value: boolean) {
    Atomics.store(this.#numbers, SharedState.#endNow, value ? 1 : 0);
  }

  /** {@link endNow} for native code: one number, not 0 while it is to end. */
  get endNowFlag(): Int32Array {
    return this.#numbers.subarray(SharedState.#endNow, SharedState.#endNow + 1);
  }

  /** Counts output that was made; blocks while too much of it is under way, so that memory stays bounded. */
  addUnsent(length: number): void {
    Atomics.add(this.#numbers, SharedState.#unsent, length);
    for (;;) {
      const unsent = Atomics.load(this.#numbers, SharedState.#unsent);
      if (unsent <= SharedState.unsentLimit) return;
      // Termination by the control worker ends this wait, too.
      Atomics.wait(this.#numbers, SharedState.#unsent, unsent, 100);
    }
  }

  removeUnsent(length: number): void {
    Atomics.sub(this.#numbers, SharedState.#unsent, length);
    Atomics.notify(this.#numbers, SharedState.#unsent);
  }

  /** Blocks the main thread until {@link answerInput}. */
  waitForInput(): void {
    Atomics.wait(this.#numbers, SharedState.#inputAnswered, 0);
    Atomics.store(this.#numbers, SharedState.#inputAnswered, 0);
  }

  answerInput(): void {
    Atomics.store(this.#numbers, SharedState.#inputAnswered, 1);
    Atomics.notify(this.#numbers, SharedState.#inputAnswered);
  }

  /** Blocks the main thread until {@link channelIsClosed}, or for `timeout` milliseconds. */
  waitForClosedChannel(timeout: number): void {
    Atomics.wait(this.#numbers, SharedState.#channelClosed, 0, timeout);
  }

  channelIsClosed(): void {
    Atomics.store(this.#numbers, SharedState.#channelClosed, 1);
    Atomics.notify(this.#numbers, SharedState.#channelClosed);
  }
}
