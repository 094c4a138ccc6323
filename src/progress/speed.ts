/** Seconds over which the speed is taken: long enough to be steady, short enough to follow changes. */
const window = 10;

/** How fast a count grows now. */
export class Speed {
  #samples: { count: number; time: number }[] = [];

  /** @param time in seconds, never less than before */
  add(count: number, time: number): void {
    this.#samples.push({ count, time });
    while (this.#samples.length > 2 && this.#samples[1].time < time - window) this.#samples.shift();
  }

  /** Per second; undefined before there is anything to tell it from. */
  get perSecond(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.time <= first.time || last.count <= first.count) return undefined;
    return (last.count - first.count) / (last.time - first.time);
  }
}
