import { inspect } from "node:util";
import type { ArrowTable } from "../../arrow/arrowObjects.js";
import { type ColumnValues, columnTable } from "../../arrow/columnTable.js";
import type { LayerMeasures } from "./measures.js";

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

/** Filled row by row: record, layer, and what a row of the table is about. */
class Rows {
  readonly columns: Record<string, ColumnValues> = {};

  constructor(
    private readonly records: MeasureRecords,
    /** Rows of a record, by layer. */
    private readonly counts: number[],
  ) {
    const { step, recorded, layers } = records;
    this.integers("step", (record) => step[record]);
    this.integers("recorded", (record) => recorded[record]);
    const rows = new Int16Array(this.length);
    this.each((row, _record, layer) => {
      rows[row] = layer;
    });
    this.columns.layer = { values: layers.map(({ layer }) => layer), rows };
  }

  get length(): number {
    return this.records.step.length * this.counts.reduce((sum, count) => sum + count, 0);
  }

  integers(name: string, value: (record: number, layer: number, at: number) => number): void {
    this.fill(name, new Int32Array(this.length), value);
  }

  numbers(name: string, value: (record: number, layer: number, at: number) => number): void {
    this.fill(name, new Float64Array(this.length), value);
  }

  /** One number a row, [records × rows of a record] in the layer's measures. */
  measure(name: keyof LayerMeasures): void {
    const { layers } = this.records;
    const values = layers.map((layer) => layer[name] as Float64Array);
    this.numbers(name, (record, layer, at) => values[layer][record * this.counts[layer] + at]);
  }

  private fill(
    name: string,
    column: Int32Array | Float64Array,
    value: (record: number, layer: number, at: number) => number,
  ): void {
    this.each((row, record, layer, at) => {
      column[row] = value(record, layer, at);
    });
    this.columns[name] = column;
  }

  private each(body: (row: number, record: number, layer: number, at: number) => void): void {
    let row = 0;
    for (let record = 0; record < this.records.step.length; record++) {
      for (let layer = 0; layer < this.counts.length; layer++) {
        for (let at = 0; at < this.counts[layer]; at++) body(row++, record, layer, at);
      }
    }
  }
}

function expertTable(records: MeasureRecords): ArrowTable {
  const { layers } = records;
  const rows = new Rows(
    records,
    layers.map(({ experts }) => experts),
  );
  rows.integers("expert", (_record, _layer, at) => at);
  rows.measure("load");
  rows.measure("taken");
  const of = (record: number, layer: number, at: number) => record * layers[layer].experts + at;
  rows.numbers("dropped", (record, layer, at) => {
    const { load, taken } = layers[layer];
    return load[of(record, layer, at)] - taken[of(record, layer, at)];
  });
  rows.measure("gateMass");
  rows.numbers("probability", (record, layer, at) => {
    const { probability, tokens } = layers[layer];
    return probability[of(record, layer, at)] / tokens[record];
  });
  return columnTable(rows.columns);
}

function layerTable(records: MeasureRecords): ArrowTable {
  const { layers } = records;
  const rows = new Rows(
    records,
    layers.map(() => 1),
  );
  const part = (name: "load" | "taken", record: number, layer: number) => {
    const { experts } = layers[layer];
    return layers[layer][name].subarray(record * experts, (record + 1) * experts);
  };
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  rows.measure("tokens");
  rows.numbers(
    "droppedTokens",
    (record, layer) => layers[layer].tokens[record] - layers[layer].servedTokens[record],
  );
  rows.numbers("load", (record, layer) => sum(part("load", record, layer)));
  rows.numbers(
    "dropped",
    (record, layer) => sum(part("load", record, layer)) - sum(part("taken", record, layer)),
  );
  rows.integers(
    "deadExperts",
    (record, layer) => part("load", record, layer).filter((count) => count === 0).length,
  );
  rows.numbers("loadVariation", (record, layer) => {
    const load = part("load", record, layer);
    const mean = sum(load) / load.length;
    return Math.sqrt(sum(load.map((count) => (count - mean) ** 2)) / load.length) / mean;
  });
  for (const name of ["entropy", "confidence", "topWeight"] as const) {
    rows.numbers(name, (record, layer) => layers[layer][name][record] / layers[layer].tokens[record]);
  }
  return columnTable(rows.columns);
}

function coactivationTable(records: MeasureRecords): ArrowTable {
  const { layers } = records;
  const rows = new Rows(
    records,
    layers.map(({ experts }) => experts * experts),
  );
  rows.integers("expert", (_record, layer, at) => Math.floor(at / layers[layer].experts));
  rows.integers("other", (_record, layer, at) => at % layers[layer].experts);
  const values = layers.map(({ coactivation }) => coactivation);
  rows.numbers(
    "tokens",
    (record, layer, at) => values[layer][record * layers[layer].experts * layers[layer].experts + at],
  );
  return columnTable(rows.columns);
}
