import { inspect } from "node:util";
import type { ArrowTable } from "../../arrow/arrowObjects.js";
import { type ColumnValues, columnTable } from "../../arrow/columnTable.js";
import type { expertMeasures, LayerMeasures } from "./measures.js";

/** Records of measures in order of steps. */
export interface MeasureRecords {
  /** Last step of each record. */
  step: ArrayLike<number>;
  /** Steps added up in each. */
  recorded: ArrayLike<number>;
  /** Each measure [records × its width]. */
  layers: LayerMeasures[];
}

/**
 * Routing as Arrow tables, a snapshot of one moment: nothing that is recorded later changes them. Each row counts the
 * steps of its record: those in which routing was recorded, up to `step`, `recorded` of them. A measure that the gate
 * does not give is NaN.
 */
export class RoutingTables {
  readonly #fine: MeasureRecords;
  readonly #coarse: MeasureRecords;
  #experts: ArrowTable | undefined;
  #layers: ArrowTable | undefined;
  #coactivation: ArrowTable | undefined;

  /**
   * @param fine without co-activation
   * @param coarse with co-activation and tokens alone
   * @internal
   */
  constructor(fine: MeasureRecords, coarse: MeasureRecords) {
    this.#fine = fine;
    this.#coarse = coarse;
  }

  /**
   * A row for each record, layer and expert:
   *
   * | column        | type | |
   * |---------------|------|-|
   * | `step`        | int32 | steps done |
   * | `recorded`    | int32 | recorded steps it adds up |
   * | `layer`       | dictionary of utf8 | name in the model |
   * | `expert`      | int32 | |
   * | `load`        | float64 | assignments the expert was given |
   * | `taken`       | float64 | those it took |
   * | `dropped`     | float64 | those it refused, load − taken |
   * | `gateMass`    | float64 | Σ of the weights of those it took |
   * | `probability` | float64 | its mean share over all tokens |
   *
   * Counts are whole numbers, exact up to 2^53; Arrow's 64-bit integers would be BigInts here.
   */
  get experts(): ArrowTable {
    this.#experts ??= expertTable(this.#fine);
    return this.#experts;
  }

  /**
   * A row for each record and layer:
   *
   * | column          | type | |
   * |-----------------|------|-|
   * | `step`, `recorded`, `layer` | | as in {@link experts} |
   * | `tokens`        | float64 | |
   * | `droppedTokens` | float64 | those that no expert took |
   * | `load`, `dropped` | float64 | sums over the experts |
   * | `deadExperts`   | int32 | experts with load 0 |
   * | `loadVariation` | float64 | σ/μ of the load over the experts, 0 when balanced |
   * | `entropy`       | float64 | mean over tokens of −Σ p ln p / ln E: 1 undecided, 0 certain |
   * | `confidence`    | float64 | mean of the largest probability |
   * | `topWeight`     | float64 | mean of the largest weight, 0 for dropped tokens |
   */
  get layers(): ArrowTable {
    this.#layers ??= layerTable(this.#fine);
    return this.#layers;
  }

  /**
   * A row for each record, layer and pair of experts: `step`, `recorded`, `layer`, `expert`, `other` (int32) and `tokens`
   * (float64), the tokens that both took; for an expert with itself all that it took. There are fewer records than in the
   * other tables, each of more steps.
   */
  get coactivation(): ArrowTable {
    this.#coactivation ??= coactivationTable(this.#coarse);
    return this.#coactivation;
  }

  [inspect.custom](): string {
    const { step, layers } = this.#fine;
    const sizes = layers.map(({ layer, experts }) => `${layer}: ${experts} experts`).join(", ");
    const to = step.length > 0 ? ` up to step ${step[step.length - 1]}` : "";
    return `RoutingTables: ${step.length} records${to} of ${layers.length} layers${sizes && ` (${sizes})`}`;
  }

  toString(): string {
    return this[inspect.custom]();
  }
}

/** A place in a table: the rows of one record and one layer. */
interface Block {
  from: number;
  to: number;
  record: number;
  layer: number;
}

/** Columns with a block of rows for each record and layer. */
class Rows {
  readonly columns: Record<string, ColumnValues> = {};
  private readonly blocks: Block[] = [];
  private readonly length: number;

  constructor(
    private readonly records: MeasureRecords,
    /** Rows of a record, by layer. */
    counts: number[],
  ) {
    const { step, recorded, layers } = records;
    let from = 0;
    for (let record = 0; record < step.length; record++) {
      for (const [layer, count] of counts.entries()) {
        this.blocks.push({ from, to: from + count, record, layer });
        from += count;
      }
    }
    this.length = from;
    this.integers("step", (column, { from, to, record }) => column.fill(step[record], from, to));
    this.integers("recorded", (column, { from, to, record }) => column.fill(recorded[record], from, to));
    const rows = new Int16Array(this.length);
    for (const { from, to, layer } of this.blocks) rows.fill(layer, from, to);
    this.columns.layer = { values: layers.map(({ layer }) => layer), rows };
  }

  integers(name: string, fill: (column: Int32Array, block: Block) => void): void {
    const column = new Int32Array(this.length);
    for (const block of this.blocks) fill(column, block);
    this.columns[name] = column;
  }

  numbers(name: string, fill: (column: Float64Array, block: Block) => void): void {
    const column = new Float64Array(this.length);
    for (const block of this.blocks) fill(column, block);
    this.columns[name] = column;
  }

  /** A measure with a number for each row. */
  measure(name: (typeof expertMeasures)[number] | "tokens" | "coactivation", column: string = name): void {
    this.numbers(column, (values, block) => values.set(this.part(name, block), block.from));
  }

  /** The numbers of a measure that belong to a block. */
  part(name: Exclude<keyof LayerMeasures, "layer" | "experts">, { record, layer }: Block): Float64Array {
    const values = this.records.layers[layer][name];
    const width = values.length / this.records.step.length;
    return values.subarray(record * width, (record + 1) * width);
  }
}

function expertTable(records: MeasureRecords): ArrowTable {
  const rows = new Rows(
    records,
    records.layers.map(({ experts }) => experts),
  );
  rows.integers("expert", (column, { from, to }) => {
    for (let row = from; row < to; row++) column[row] = row - from;
  });
  rows.measure("load");
  rows.measure("taken");
  rows.numbers("dropped", (column, block) => {
    const [load, taken] = [rows.part("load", block), rows.part("taken", block)];
    for (let at = 0; at < load.length; at++) column[block.from + at] = load[at] - taken[at];
  });
  rows.measure("gateMass");
  rows.numbers("probability", (column, block) => {
    const [[tokens], sums] = [rows.part("tokens", block), rows.part("probability", block)];
    for (let at = 0; at < sums.length; at++) column[block.from + at] = sums[at] / tokens;
  });
  return columnTable(rows.columns);
}

function layerTable(records: MeasureRecords): ArrowTable {
  const rows = new Rows(
    records,
    records.layers.map(() => 1),
  );
  rows.measure("tokens");
  const number = (name: string, value: (block: Block) => number) =>
    rows.numbers(name, (column, block) => {
      column[block.from] = value(block);
    });
  const total = (name: "tokens" | "servedTokens" | "load" | "taken", block: Block) =>
    sum(rows.part(name, block));
  number("droppedTokens", (block) => total("tokens", block) - total("servedTokens", block));
  number("load", (block) => total("load", block));
  number("dropped", (block) => total("load", block) - total("taken", block));
  rows.integers("deadExperts", (column, block) => {
    column[block.from] = rows.part("load", block).filter((count) => count === 0).length;
  });
  number("loadVariation", (block) => variation(rows.part("load", block)));
  for (const name of ["entropy", "confidence", "topWeight"] as const) {
    number(name, (block) => rows.part(name, block)[0] / total("tokens", block));
  }
  return columnTable(rows.columns);
}

function coactivationTable(records: MeasureRecords): ArrowTable {
  const { layers } = records;
  const rows = new Rows(
    records,
    layers.map(({ experts }) => experts * experts),
  );
  rows.integers("expert", (column, { from, layer }) => {
    const { experts } = layers[layer];
    for (let expert = 0; expert < experts; expert++) {
      column.fill(expert, from + expert * experts, from + (expert + 1) * experts);
    }
  });
  rows.integers("other", (column, { from, to, layer }) => {
    for (let row = from; row < to; row++) column[row] = (row - from) % layers[layer].experts;
  });
  rows.measure("coactivation", "tokens");
  return columnTable(rows.columns);
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** σ/μ */
function variation(values: Float64Array): number {
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length) / mean;
}
