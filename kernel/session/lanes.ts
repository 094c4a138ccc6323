/** The lane that every session has; requests that name none run in it. */
export const mainLane = "main";

interface Lane {
  /** Ends when all that was asked for so far has ended. */
  tail: Promise<unknown>;
  /** What was asked for and has not ended. */
  waiting: number;
}

/**
 * Work in lanes: in each lane one piece after another, in different lanes side by side. A lane exists as long as it has
 * work.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /** Starts at once when nothing waits in the lane, so that an interrupt which follows finds it started. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(name) ?? { tail: Promise.resolve(), waiting: 0 };
    this.#lanes.set(name, lane);
    const outcome = lane.waiting++ === 0 ? work() : lane.tail.then(work);
    const ended = () => {
      if (--lane.waiting === 0) this.#lanes.delete(name);
    };
    lane.tail = outcome.then(ended, ended);
    return outcome;
  }

  /** Resolves when what was asked for so far has ended, in all lanes. */
  async ended(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.tail));
  }
}
