/** At most one message of a widget in this time, in milliseconds: more would only be dropped on the way. */
const interval = 50;
/** Large states wait longer: so many bytes of JSON a millisecond. */
const bytesPerMillisecond = 20_000;

/**
 * Sends now, or when it is time again. A loop that computes gets its turn by the clock; what it left unsent goes with a
 * timer or with {@link flush}, whichever comes first.
 */
export class Throttle {
  readonly #send: () => number;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `send` gives the length of what it sent. */
  constructor(send: () => number) {
    this.#send = send;
  }

  request(): void {
    const wait = this.#next - performance.now();
    if (wait <= 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), wait);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  flush(): void {
    this.cancel();
    const length = this.#send();
    if (length > 0) this.#next = performance.now() + interval + length / bytesPerMillisecond;
  }
}
