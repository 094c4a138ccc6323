import type { CellRun } from "./cellRun.js";
import type { SharedState } from "./sharedState.js";

/** The cells that have started and are not settled: one at most of each lane of the session. */
export class RunningCells {
  readonly #running = new Set<CellRun>();
  readonly #shared: SharedState;
  #newest: CellRun;
  #holder: CellRun | undefined;
  #lastHolder: CellRun | undefined;

  /** @param none stands for the newest cell while there was none */
  constructor(shared: SharedState, none: CellRun) {
    this.#shared = shared;
    this.#newest = none;
  }

  start(cell: CellRun): void {
    this.#newest = cell;
    this.#running.add(cell);
    this.trustChanged();
  }

  end(cell: CellRun): void {
    this.#running.delete(cell);
    this.trustChanged();
  }

  get size(): number {
    return this.#running.size;
  }

  find(number: number): CellRun | undefined {
    return [...this.#running].find((cell) => cell.number === number);
  }

  /** Those that the user interrupted. */
  get interrupted(): CellRun[] {
    return [...this.#running].filter((cell) => cell.cancellation.requested);
  }

  /** Whose code runs when nothing tells: the newest that is not settled, or the newest of all. */
  get likeliest(): CellRun {
    return [...this.#running].at(-1) ?? this.#newest;
  }

  /** Code runs from now on for this cell, or for one that is not known. */
  holds(cell: CellRun | undefined): void {
    this.#holder = cell;
    if (cell) this.#lastHolder = cell;
    this.trustChanged();
  }

  /** Whether it was code of this cell, as far as that can be known, that the control worker terminated. */
  mayBeTerminated(cell: CellRun): boolean {
    return this.#running.size === 1 || cell === this.#lastHolder || !cell.cancellation.cooperative;
  }

  /**
   * Lets the control worker know whether what runs now can be trusted to stop by itself; so is what an ended cell left
   * behind, which an interrupt of others is not to tear apart.
   */
  trustChanged(): void {
    const trusted = (cell: CellRun) => cell.settled || cell.cancellation.cooperative;
    const running = [...this.#running];
    this.#shared.cooperative = this.#holder
      ? trusted(this.#holder)
      : running.length > 0 && running.every(trusted);
  }
}
