import type { Operations } from "./operations.js";
import type { MagicPlace } from "./place.js";
import { Stopwatch } from "./stopwatch.js";

/** The executor's side of the magics: what the code that stands for them calls. */
export class ExecutorMagics {
  readonly #place: MagicPlace;
  #answer: unknown;
  readonly #stopwatch = new Stopwatch();

  constructor(place: MagicPlace) {
    this.#place = place;
  }

  /** Does what a magic asks for. `at` is where it stands: the only line of a traceback that is of use. */
  run = async (name: keyof Operations, parameters: any, at: string): Promise<void> => {
    // Few cells have magics; the executor starts without them.
    const { operations } = await import("./operations.js");
    this.#answer = undefined;
    try {
      this.#answer = await operations[name](parameters, this.#place);
    } catch (fault) {
      const { name: kind, message } = fault as Error;
      if (kind === "MagicError") (fault as Error).stack = `${kind}: ${message}\n    at ${at}`;
      throw fault;
    }
  };

  /** What the last operation answered, for the kernel process. */
  answer = (): object => {
    const data = { "application/json": this.#answer ?? null };
    return { [Symbol.for("Jupyter.display")]: () => data };
  };

  startTime = (): void => this.#stopwatch.start();

  /** Prints the times when the cell that runs now has ended. */
  printTime = (): void => {
    const write = this.#place.writer();
    this.#place.atEnd(() => write("stdout", this.#stopwatch.report()));
  };
}
