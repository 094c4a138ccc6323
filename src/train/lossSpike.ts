/** Steps that the averages look back over. */
const memory = 50;
const fewest = 20;

/** Notices a loss far above what it has been: more than six standard deviations and a tenth above the mean. */
export class SpikeDetector {
  #count = 0;
  #mean = 0;
  #variance = 0;

  /** @returns the running mean when the loss is a spike above it */
  see(loss: number): number | undefined {
    const before = this.#mean;
    const spread = Math.max(6 * Math.sqrt(this.#variance), 0.1 * Math.abs(before));
    const spike = this.#count >= fewest && loss > before + spread;
    this.#count++;
    const weight = Math.max(1 / this.#count, 1 / memory);
    const distance = loss - before;
    this.#mean += weight * distance;
    this.#variance = (1 - weight) * (this.#variance + weight * distance * distance);
    return spike ? before : undefined;
  }
}
