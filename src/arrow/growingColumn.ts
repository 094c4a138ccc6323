/** A column of numbers that grows at its end. */
export class GrowingColumn {
  #memory: Float64Array;
  #length: number;

  constructor(values: ArrayLike<number> = []) {
    this.#memory = Float64Array.from(values);
    this.#length = values.length;
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    this.#reserve(this.#length + 1);
    this.#memory[this.#length++] = value;
  }

  append(values: ArrayLike<number>): void {
    this.#reserve(this.#length + values.length);
    this.#memory.set(values, this.#length);
    this.#length += values.length;
  }

  /** Fills up to a length. */
  padTo(length: number, value = Number.NaN): void {
    if (this.#length >= length) return;
    this.#reserve(length);
    this.#memory.fill(value, this.#length, length);
    this.#length = length;
  }

  at(index: number): number {
    return index < this.#length ? this.#memory[index] : Number.NaN;
  }

  /** The values so far, without a copy. */
  get values(): Float64Array {
    return this.#memory.subarray(0, this.#length);
  }

  #reserve(length: number): void {
    if (length <= this.#memory.length) return;
    const larger = new Float64Array(Math.max(64, length, 2 * this.#memory.length));
    larger.set(this.values);
    this.#memory = larger;
  }
}
