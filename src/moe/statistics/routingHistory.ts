import type { Module } from "../../nn/module.js";
import { routing } from "../routed.js";
import type { LayerRouting } from "../routing.js";
import { type LayerMeasures, measureRouting, ownMeasures } from "./measures.js";
import { type MeasureRecords, RoutingTables } from "./routingTables.js";
import { SummedRecords } from "./summedRecords.js";

/** Load of the experts of one MoE layer over the recorded steps. */
export interface LayerLoad {
  layer: string;
  experts: number;
  /** Assignments each expert was given, [records × experts] in row-major order. */
  load: Float64Array;
  /** Assignments each expert took; less than `load` under a capacity. */
  taken: Float64Array;
}

const mebibyte = 2 ** 20;

/**
 * Routing of many forward passes in bounded memory: at most 2,048 records, 16 of co-activation, and of each not more than
 * 64 MiB. Beyond that neighbouring records are added up, so that totals stay exact.
 *
 * A run keeps one (`run.history.routing` gives its tables). One of one's own takes in any passes:
 *
 * @example
 * const history = new moe.RoutingHistory();
 * for (const [step, ids] of sequences.entries()) {
 *   torch.noGrad(() => model.forward(ids));
 *   history.record(step, model);
 * }
 * viz.loadMap(history.tables());
 */
export class RoutingHistory {
  readonly #fine = new SummedRecords({ most: 2048, bytes: 64 * mebibyte });
  readonly #coarse = new SummedRecords({ most: 16, bytes: 64 * mebibyte });
  readonly #experts = new Map<string, number>();
  /** Of what was recorded up to now; none since something came. */
  #tables: RoutingTables | undefined;

  /** Records so far. */
  get length(): number {
    return this.#fine.length;
  }

  /** Takes in the last forward pass of a model, or the routing of one. */
  record(step: number, passed: Module | readonly LayerRouting[]): void {
    this.add(step, measureRouting(isList(passed) ? passed : routing(passed)));
  }

  /** Takes in what was measured. */
  add(step: number, layers: readonly LayerMeasures[]): void {
    if (layers.length === 0) return;
    this.#tables = undefined;
    const fine: Record<string, Float64Array> = {};
    const coarse: Record<string, Float64Array> = {};
    for (const measures of layers) {
      this.#experts.set(measures.layer, measures.experts);
      for (const name of ownMeasures) fine[`${name}.${measures.layer}`] = measures[name];
      coarse[`coactivation.${measures.layer}`] = measures.coactivation;
    }
    this.#fine.add(step, fine);
    this.#coarse.add(step, coarse);
  }

  /** A snapshot: what is recorded later does not change it. */
  tables(): RoutingTables {
    this.#tables ??= new RoutingTables(
      this.#snapshot(this.#fine, ownMeasures),
      this.#snapshot(this.#coarse, ["coactivation"]),
    );
    return this.#tables;
  }

  /** Load alone, without copies. Arrays are to be read at once: the last record may still grow. */
  get load(): { step: Float64Array; layers: LayerLoad[] } {
    return {
      step: this.#fine.step,
      layers: [...this.#experts].map(([layer, experts]) => ({
        layer,
        experts,
        load: this.#fine.get(`load.${layer}`),
        taken: this.#fine.get(`taken.${layer}`),
      })),
    };
  }

  #snapshot(records: SummedRecords, names: readonly (typeof ownMeasures)[number][] | ["coactivation"]) {
    const layers = [...this.#experts].map(([layer, experts]) => {
      const copies = names.map((name) => [name, records.get(`${name}.${layer}`).slice()]);
      return { layer, experts, ...Object.fromEntries(copies) } as LayerMeasures;
    });
    return { step: records.step.slice(), recorded: records.recorded.slice(), layers } as MeasureRecords;
  }

  /** Columns under flat names, for a checkpoint. @internal */
  toColumns(): Record<string, Float64Array> {
    const columns: Record<string, Float64Array> = {};
    for (const [place, layer] of [...this.#experts.keys()].entries()) {
      columns[`routedLayer.${layer}`] = Float64Array.of(place); // files do not keep the order of columns
    }
    for (const [prefix, records] of [
      ["routing", this.#fine],
      ["coactivation", this.#coarse],
    ] as const) {
      for (const [name, values] of Object.entries(records.toColumns())) columns[`${prefix}.${name}`] = values;
    }
    return columns;
  }

  /** The inverse of {@link toColumns}; columns of other names are left alone. @internal */
  static fromColumns(columns: Record<string, Float64Array>): RoutingHistory {
    const history = new RoutingHistory();
    const part = (prefix: string) =>
      Object.fromEntries(
        Object.entries(columns)
          .filter(([name]) => name.startsWith(`${prefix}.`))
          .map(([name, values]) => [name.slice(prefix.length + 1), values]),
      );
    const fine = part("routing");
    const coarse = part("coactivation");
    if (!(fine.step?.length > 0) || !(coarse.step?.length > 0)) return history;
    history.#fine.load(fine);
    history.#coarse.load(coarse);
    const places = Object.entries(part("routedLayer")).sort(([, [one]], [, [other]]) => one - other);
    for (const [layer] of places) {
      history.#experts.set(layer, fine[`load.${layer}`].length / fine.step.length);
    }
    return history;
  }
}

function isList(passed: Module | readonly LayerRouting[]): passed is readonly LayerRouting[] {
  return Array.isArray(passed);
}

/**
 * How the last forward pass of a model routed its tokens, as tables of one record (step 0).
 * @example
 * model.forward(ids);
 * moe.routingStatistics(model).experts   // a row for each layer and expert
 */
export function routingStatistics(model: Module): RoutingTables {
  const history = new RoutingHistory();
  history.record(0, model);
  return history.tables();
}
