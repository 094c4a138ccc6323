import { GrowingColumn } from "../arrow/growingColumn.js";
import type { LayerMeasures } from "../moe/statistics/measures.js";
import { type LayerLoad, RoutingHistory } from "../moe/statistics/routingHistory.js";
import type { RoutingTables } from "../moe/statistics/routingTables.js";

/** What one training step told. */
export interface StepRecord {
  /** Counted from 1: the steps done when this one was. */
  step: number;
  loss: number;
  /** 2-norm of all gradients before clipping. */
  gradNorm: number;
  /** Learning rate of the step. */
  lr: number;
  /** Targets in the batch. */
  tokens: number;
  /** Wall time. */
  seconds: number;
  tokensPerSecond: number;
  /** As the model reported them, for example crossEntropy and auxLoss. */
  metrics: Record<string, number>;
}

export interface EvaluationRecord {
  /** Steps done before it. */
  step: number;
  /** Means over the tokens of the evaluated batches. */
  loss: number;
  metrics: Record<string, number>;
}

const stepColumns = ["step", "loss", "gradNorm", "lr", "tokens", "seconds"] as const;

/** All that a run recorded, as columns: each property is a Float64Array over the memory of the history. */
export class History {
  readonly #steps = new Table();
  readonly #evaluations = new Table();
  #routing = new RoutingHistory();

  /** Steps recorded. */
  get length(): number {
    return this.#steps.length;
  }

  /** Steps done, counted from 1. */
  get step(): Float64Array {
    return this.#steps.column("step");
  }

  get loss(): Float64Array {
    return this.#steps.column("loss");
  }

  get gradNorm(): Float64Array {
    return this.#steps.column("gradNorm");
  }

  get lr(): Float64Array {
    return this.#steps.column("lr");
  }

  get tokens(): Float64Array {
    return this.#steps.column("tokens");
  }

  /** Wall time of each step. */
  get seconds(): Float64Array {
    return this.#steps.column("seconds");
  }

  get tokensPerSecond(): Float64Array {
    const { tokens, seconds } = this;
    return tokens.map((count, at) => count / seconds[at]);
  }

  /** What the model reported beside the loss, by name; NaN where it did not. */
  get metrics(): Record<string, Float64Array> {
    return this.#steps.others(stepColumns);
  }

  /** Validation, one entry for each time it was evaluated. */
  get evaluation(): { step: Float64Array; loss: Float64Array; metrics: Record<string, Float64Array> } {
    return {
      step: this.#evaluations.column("step"),
      loss: this.#evaluations.column("loss"),
      metrics: this.#evaluations.others(["step", "loss"]),
    };
  }

  /** A snapshot of how the MoE layers routed, as Arrow tables; without rows for models without routing. */
  get routing(): RoutingTables {
    return this.#routing.tables();
  }

  /**
   * Load of the experts at the steps at which it was recorded, without copies: read it at once. No layers for models
   * without routing.
   */
  get expertLoad(): { step: Float64Array; layers: LayerLoad[] } {
    return this.#routing.load;
  }

  /** Every step column by name, metrics included: input for a table, a CSV file, an Arrow batch. */
  columns(): Record<string, Float64Array> {
    return { ...this.#steps.all(), tokensPerSecond: this.tokensPerSecond };
  }

  /** The record at an index, negative ones from the end. */
  at(index: number): StepRecord | undefined {
    const row = index < 0 ? this.length + index : index;
    if (row < 0 || row >= this.length) return undefined;
    const { step, loss, gradNorm, lr, tokens, seconds, ...metrics } = this.#steps.row(row);
    return { step, loss, gradNorm, lr, tokens, seconds, tokensPerSecond: tokens / seconds, metrics };
  }

  /** @internal */
  addStep(record: Omit<StepRecord, "tokensPerSecond">): void {
    const { metrics, ...own } = record;
    this.#steps.add({ ...own, ...metrics });
  }

  /** @internal */
  addEvaluation({ step, loss, metrics }: EvaluationRecord): void {
    this.#evaluations.add({ step, loss, ...metrics });
  }

  /** @internal */
  addRouting(step: number, layers: readonly LayerMeasures[]): void {
    this.#routing.add(step, layers);
  }

  /** All columns under flat names, for a checkpoint. @internal */
  toColumns(): Record<string, Float64Array> {
    const columns = this.#routing.toColumns();
    for (const [name, values] of Object.entries(this.#steps.all())) columns[`step.${name}`] = values;
    for (const [name, values] of Object.entries(this.#evaluations.all()))
      columns[`evaluation.${name}`] = values;
    return columns;
  }

  /** The inverse of {@link toColumns}. @internal */
  static fromColumns(columns: Record<string, Float64Array>): History {
    const history = new History();
    history.#routing = RoutingHistory.fromColumns(columns);
    for (const [key, values] of Object.entries(columns)) {
      const dot = key.indexOf(".");
      const kind = key.slice(0, dot);
      const name = key.slice(dot + 1);
      if (kind === "step") history.#steps.set(name, values);
      if (kind === "evaluation") history.#evaluations.set(name, values);
    }
    return history;
  }
}

/** Columns of one length; a name that turns up late has NaN before. */
class Table {
  readonly #columns = new Map<string, GrowingColumn>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(row: Record<string, number>): void {
    for (const [name, value] of Object.entries(row)) {
      let column = this.#columns.get(name);
      if (!column) {
        column = new GrowingColumn();
        this.#columns.set(name, column);
      }
      column.padTo(this.#length);
      column.push(value);
    }
    this.#length++;
    for (const column of this.#columns.values()) column.padTo(this.#length);
  }

  set(name: string, values: Float64Array): void {
    this.#columns.set(name, new GrowingColumn(values));
    this.#length = values.length;
  }

  column(name: string): Float64Array {
    return this.#columns.get(name)?.values ?? new Float64Array(0);
  }

  row(index: number): Record<string, number> & Record<(typeof stepColumns)[number], number> {
    const row: Record<string, number> = {};
    for (const [name, column] of this.#columns) row[name] = column.at(index);
    return row as Record<string, number> & Record<(typeof stepColumns)[number], number>;
  }

  all(): Record<string, Float64Array> {
    return Object.fromEntries([...this.#columns].map(([name, column]) => [name, column.values]));
  }

  others(names: readonly string[]): Record<string, Float64Array> {
    return Object.fromEntries(Object.entries(this.all()).filter(([name]) => !names.includes(name)));
  }
}
