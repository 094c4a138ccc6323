/** Lets a text that keeps changing through at most once per interval; the last one always comes. */
export class Throttle {
  private last = Number.NEGATIVE_INFINITY;
  private held: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** @param interval in milliseconds */
  constructor(
    private readonly interval: number,
    private readonly print: (text: string) => void,
  ) {}

  offer(text: string): void {
    this.held = text;
    const wait = this.last + this.interval - performance.now();
    if (wait <= 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), wait);
  }

  /** Prints what was held back, if anything. */
  flush(): void {
    const text = this.held;
    this.drop();
    if (text === undefined) return;
    this.last = performance.now();
    this.print(text);
  }

  /** Forgets what was held back. */
  drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.held = undefined;
  }
}
