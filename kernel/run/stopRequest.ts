import { type StopSignal, stopSignals } from "./exitCode.js";

/** How long an interrupted cell may take to end, in milliseconds; launchers commonly kill after 30 s. */
const grace = 10_000;

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an orderly end: the first one interrupts, a second one, or the end of the
 * grace time, gives up waiting for the cell.
 */
export class StopRequest {
  /** The first signal that came. */
  signal: StopSignal | undefined;
  /** Resolves when waiting for the cell is over. */
  readonly abandoned: Promise<void>;
  private abandon!: () => void;
  private timer: NodeJS.Timeout | undefined;

  /** @param interrupt called at the first signal */
  constructor(private readonly interrupt: () => void) {
    this.abandoned = new Promise((resolve) => {
      this.abandon = resolve;
    });
    for (const signal of Object.keys(stopSignals) as StopSignal[]) process.on(signal, this.receive);
  }

  private readonly receive = (signal: NodeJS.Signals): void => {
    if (this.signal) {
      this.abandon();
      return;
    }
    this.signal = signal as StopSignal;
    this.timer = setTimeout(this.abandon, grace);
    this.interrupt();
  };

  /** Gives the signals back to Node's own handling. */
  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    for (const signal of Object.keys(stopSignals)) process.off(signal, this.receive);
  }
}
