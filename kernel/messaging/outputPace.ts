/**
 * Jupyter's web server passes on a limited rate of outputs to a browser and drops what exceeds it; the kernel cannot see
 * that. Its defaults: 1,000 messages and 1,000,000 bytes of streams a second, both as the mean of three seconds, and
 * counted anew after each `idle`.
 */
export interface OutputLimits {
  /** Bytes of `stream` messages, a second. */
  bytes: number;
  /** Messages, a second. */
  messages: number;
}

/** The share of a limit that may go out at once; the rest of what three seconds may hold comes evenly. */
const atOnce = 1 / 3;
/** The server's clock is not ours: so much of the limit is used. */
const used = 0.9;
const window = 3;

/**
 * The limits that hold for a kernel with this environment: those of the server if a server started the kernel for a
 * notebook, which is what `JPY_SESSION_NAME` says; none for all other clients. `MOELAB_OUTPUT_RATE` says otherwise: bytes
 * a second, 0 for no limit.
 */
export function outputLimits(env: NodeJS.ProcessEnv): OutputLimits | null {
  const rate = env.MOELAB_OUTPUT_RATE;
  if (rate !== undefined && rate !== "") {
    const bytes = Number(rate);
    if (Number.isFinite(bytes) && bytes >= 0) return bytes === 0 ? null : { bytes, messages: 1000 };
    process.emitWarning(`MOELAB_OUTPUT_RATE: expected bytes per second or 0, got "${rate}"; it is ignored.`);
  }
  return env.JPY_SESSION_NAME ? { bytes: 1_000_000, messages: 1000 } : null;
}

/** How much of one limit is free at a time. */
class Allowance {
  readonly #most: number;
  readonly #perSecond: number;
  #free: number;
  #since = performance.now();

  constructor(limit: number) {
    this.#most = limit * window * used * atOnce;
    this.#perSecond = limit * used * (1 - atOnce);
    this.#free = this.#most;
  }

  /** Seconds until something may be taken. */
  get wait(): number {
    const now = performance.now();
    this.#free = Math.min(this.#most, this.#free + ((now - this.#since) / 1000) * this.#perSecond);
    this.#since = now;
    return this.#free > 0 ? 0 : -this.#free / this.#perSecond + 0.001;
  }

  take(amount: number): void {
    this.#free -= amount;
  }

  reset(): void {
    this.#free = this.#most;
  }
}

interface Waiting {
  send: () => number;
  sent: () => void;
}

/** Sends outputs in order, no faster than a server passes them on. */
export class OutputPace {
  readonly #bytes: Allowance;
  readonly #messages: Allowance;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #open = false;

  constructor(limits: OutputLimits) {
    this.#bytes = new Allowance(limits.bytes);
    this.#messages = new Allowance(limits.messages);
  }

  /** Longest text of one stream message that still comes through, in UTF-16 units. */
  static readonly longestText = 32 * 1024;

  /** Calls `send`, which tells how many bytes count, now or later; the promise resolves when it was called. */
  add(send: () => number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#wait === 0) {
      this.#send(send);
      return undefined;
    }
    const added = new Promise<void>((sent) => this.#waiting.push({ send, sent }));
    this.#timer ??= setTimeout(() => this.#go(), this.#wait * 1000);
    return added;
  }

  /** Resolves when all that was added so far was sent. */
  async sent(): Promise<void> {
    const last = this.#waiting.at(-1);
    if (!last) return;
    await new Promise<void>((resolve) => {
      const { sent } = last;
      last.sent = () => {
        sent();
        resolve();
      };
    });
  }

  /** The kernel is idle, so the server counts anew. */
  idle(): void {
    this.#bytes.reset();
    this.#messages.reset();
  }

  /** Sends all that waits: the kernel ends. */
  open(): void {
    this.#open = true;
    this.#go();
  }

  get #wait(): number {
    return this.#open ? 0 : Math.max(this.#bytes.wait, this.#messages.wait);
  }

  #go(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      const wait = this.#wait;
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#go(), wait * 1000);
        return;
      }
      const { send, sent } = this.#waiting.shift()!;
      this.#send(send);
      sent();
    }
  }

  #send(send: () => number): void {
    this.#bytes.take(send());
    this.#messages.take(1);
  }
}
