import type { CellNumber } from "../channel/messages.js";
import type { CellError, CellStatus, EventSink, ExecuteOutcome, ExecuteRequest } from "./events.js";
import type { PartRequest } from "./partRequest.js";

/** Whose output something is. */
export interface OutputOrigin {
  readonly id: string;
  readonly sink: EventSink;
  /** What comes now is late. */
  ended: boolean;
}

/** One execution of a cell; kept after its end, since its timers and promises may still produce output. */
export interface Cell extends OutputOrigin {
  readonly number: CellNumber;
  readonly name: string;
  readonly executionCount: number;
  readonly request: ExecuteRequest | PartRequest;
  interrupted: boolean;
  /** Its executor died before the cell got there. */
  lost: boolean;
  finish(ending: Ending): void;
}

export interface Ending {
  status: CellStatus;
  error?: CellError;
  exitCode?: number;
  userExpressions?: ExecuteOutcome["userExpressions"];
}

/** Ended cells whose late output still finds them. */
const keptCells = 1000;

/** The cells of a session: those that run, one in each lane at most, and the last that ended. */
export class Cells {
  readonly #known = new Map<CellNumber, Cell>();
  readonly #running = new Set<Cell>();
  #newest: Cell | null = null;

  start(cell: Cell): void {
    this.#newest = cell;
    this.#running.add(cell);
    this.#known.set(cell.number, cell);
    if (this.#known.size > keptCells) this.#forgetOldest();
  }

  end(cell: Cell): void {
    cell.ended = true;
    this.#running.delete(cell);
  }

  /** In the order in which they started. */
  get running(): Cell[] {
    return [...this.#running];
  }

  /** The cell of this number, or else the likeliest one. */
  find(number: CellNumber): Cell | null {
    return this.#known.get(number) ?? this.likeliest;
  }

  /** Whose output it is when nothing tells: the newest that runs, or the newest of all. */
  get likeliest(): Cell | null {
    return this.running.at(-1) ?? this.#newest;
  }

  #forgetOldest(): void {
    for (const cell of this.#known.values()) {
      if (this.#running.has(cell)) continue;
      this.#known.delete(cell.number);
      return;
    }
  }
}
