import type { SharedState } from "./sharedState.js";

/**
 * The abort signal of one cell. Two things set it apart from a plain one: `aborted` is true as soon as the user
 * interrupts, even while a synchronous loop keeps the event loop from turning; and it notices when somebody listens
 * or looks, since a cell that does is given time to stop at a point of its choosing.
 */
export class Cancellation {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #shared: SharedState;
  readonly #cell: number;
  readonly #onCooperation: () => void;
  #listened = false;
  #settled: boolean | undefined;

  /** @param onCooperation called once, when somebody begins to listen or to look */
  constructor(cell: number, shared: SharedState, onCooperation: () => void) {
    this.#cell = cell;
    this.#shared = shared;
    this.#onCooperation = onCooperation;
    this.signal = this.#watched(this.#controller.signal);
  }

  /** Whether somebody listens or looks at the signal. */
  get cooperative(): boolean {
    return this.#listened;
  }

  get requested(): boolean {
    return this.#settled ?? this.#shared.interruptedThrough >= this.#cell;
  }

  /** The cell is over: an interrupt of others does not concern what it left behind. */
  settle(): void {
    this.#settled = this.requested;
  }

  abort(): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(interruptReason());
  }

  #notice(): void {
    // Aborting looks at the signal, too.
    if (this.#listened || this.requested) return;
    this.#listened = true;
    this.#onCooperation();
  }

  #watched(signal: AbortSignal): AbortSignal {
    const { addEventListener, throwIfAborted } = signal;
    const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")!.get!;
    const aborted = () => {
      if (this.requested && !isAborted.call(signal)) this.#controller.abort(interruptReason());
      return isAborted.call(signal) as boolean;
    };
    Object.defineProperties(signal, {
      aborted: {
        get: () => {
          this.#notice();
          return aborted();
        },
      },
      throwIfAborted: {
        value: () => {
          this.#notice();
          aborted();
          throwIfAborted.call(signal);
        },
      },
      addEventListener: {
        value: (...parameters: Parameters<AbortSignal["addEventListener"]>) => {
          this.#notice();
          addEventListener.apply(signal, parameters);
        },
      },
    });
    return signal;
  }
}

/** Reason of an aborted signal, and what a blocking call throws when the user interrupts it. */
export class KernelInterrupt extends Error {
  override name = "KernelInterrupt";
}

function interruptReason(): KernelInterrupt {
  return new KernelInterrupt("The cell was interrupted.");
}
