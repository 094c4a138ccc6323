import { GrowingColumn } from "../../arrow/growingColumn.js";

interface Rows {
  width: number;
  values: GrowingColumn;
}

export interface RecordLimits {
  /** Records kept at most; a power of two. */
  most: number;
  /** Fewer, when they would take more. At least two are kept. */
  bytes: number;
}

/**
 * Records of sums in order of steps, in bounded memory. When there are too many, each two neighbours become one by
 * addition, and from then on each record takes in twice as many steps: totals stay exact, the resolution in time halves.
 */
export class SummedRecords {
  /** Last step of each record. */
  #step = new GrowingColumn();
  /** Steps that were added up in each. */
  #recorded = new GrowingColumn();
  readonly #rows = new Map<string, Rows>();
  /** Steps a record takes in. */
  #span = 1;

  constructor(private readonly limits: RecordLimits) {}

  get length(): number {
    return this.#step.length;
  }

  get step(): Float64Array {
    return this.#step.values;
  }

  get recorded(): Float64Array {
    return this.#recorded.values;
  }

  /** The values of a name, [records × width], without a copy: the last record's may still grow. */
  get(name: string): Float64Array {
    return this.#rows.get(name)?.values.values ?? new Float64Array(0);
  }

  names(): string[] {
    return [...this.#rows.keys()];
  }

  /** @param values by name, of the same width at each step; a name that is left out counts as zeros */
  add(step: number, values: Record<string, ArrayLike<number>>): void {
    for (const [name, { length: width }] of Object.entries(values)) {
      if (this.#rows.has(name)) continue;
      const rows = { width, values: new GrowingColumn() };
      rows.values.padTo(this.length * width, 0);
      this.#rows.set(name, rows);
    }
    const last = this.length - 1;
    const begins = last < 0 || this.#recorded.at(last) >= this.#span;
    if (begins && this.length >= this.#capacity()) {
      this.#halve();
      this.add(step, values);
      return;
    }
    if (begins) {
      this.#step.push(step);
      this.#recorded.push(1);
    } else {
      this.#step.values[last] = step;
      this.#recorded.values[last]++;
    }
    for (const [name, { width, values: column }] of this.#rows) {
      column.padTo(this.length * width, 0);
      const added = values[name];
      if (!added) continue;
      const record = column.values.subarray(-width);
      for (let at = 0; at < width; at++) record[at] += added[at];
    }
  }

  /** Columns under flat names, for a checkpoint. */
  toColumns(): Record<string, Float64Array> {
    const rows = this.names().map((name) => [name, this.get(name)]);
    return { step: this.step, recorded: this.recorded, ...Object.fromEntries(rows) };
  }

  /** The inverse of {@link toColumns}. */
  load({ step, recorded, ...rows }: Record<string, Float64Array>): void {
    this.#step = new GrowingColumn(step);
    this.#recorded = new GrowingColumn(recorded ?? new Float64Array(step.length).fill(1));
    this.#span = Math.max(1, ...this.#recorded.values);
    this.#rows.clear();
    for (const [name, values] of Object.entries(rows)) {
      this.#rows.set(name, { width: values.length / step.length, values: new GrowingColumn(values) });
    }
  }

  #capacity(): number {
    let width = 2;
    for (const rows of this.#rows.values()) width += rows.width;
    let records = this.limits.most;
    while (records > 2 && records * width * Float64Array.BYTES_PER_ELEMENT > this.limits.bytes) records /= 2;
    return records;
  }

  #halve(): void {
    const step = this.step;
    const pairs = Math.ceil(step.length / 2);
    const lastOf = (pair: number) => Math.min(2 * pair + 1, step.length - 1);
    this.#step = new GrowingColumn(Float64Array.from({ length: pairs }, (_, pair) => step[lastOf(pair)]));
    this.#recorded = new GrowingColumn(pairSums(this.recorded, 1));
    for (const rows of this.#rows.values()) {
      rows.values = new GrowingColumn(pairSums(rows.values.values, rows.width));
    }
    this.#span *= 2;
  }
}

/** Rows 0 + 1, 2 + 3, …; of an odd number the last stays alone. */
function pairSums(values: Float64Array, width: number): Float64Array {
  const rows = values.length / width;
  const sums = new Float64Array(Math.ceil(rows / 2) * width);
  for (let row = 0; row < rows; row++) {
    const into = (row >> 1) * width;
    for (let at = 0; at < width; at++) sums[into + at] += values[row * width + at];
  }
  return sums;
}
