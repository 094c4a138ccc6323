import { Evaluator } from "./evaluator.js";

/** One evaluator for each cell that runs, kept for the next when the cell is done. */
export class Evaluators {
  readonly #idle: Evaluator[] = [];
  readonly #busy = new Set<Evaluator>();

  /** The first is ready beforehand. */
  async open(): Promise<void> {
    this.giveBack(await this.take());
  }

  async take(): Promise<Evaluator> {
    const kept = this.#idle.pop();
    const evaluator = kept ?? new Evaluator();
    this.#busy.add(evaluator);
    if (!kept) await evaluator.open();
    return evaluator;
  }

  /** To be called when its script has ended. */
  giveBack(evaluator: Evaluator): void {
    if (this.#busy.delete(evaluator)) this.#idle.push(evaluator);
  }

  /** Its script was given up before it ended. */
  drop(evaluator: Evaluator): void {
    if (this.#busy.delete(evaluator)) evaluator.close();
  }

  close(): void {
    for (const evaluator of [...this.#idle, ...this.#busy]) evaluator.close();
  }
}
