/** Recorded routing, read from its tables as plain numbers: what pictures of a run are drawn from. */
import type { ArrowTable } from "../arrow/arrowObjects.js";

/** Tables as `run.routing` and `moe.routingStatistics(model)` give them, or with the same columns from a file. */
export interface RoutingTablesLike {
  experts: ArrowTable;
  layers: ArrowTable;
  coactivation: ArrowTable;
}

/** A run, its history, or tables of routing. */
export type RoutingSource = RoutingTablesLike | { routing: RoutingTablesLike };

/** Which part of what was recorded is shown. */
export interface RoutingSelection {
  /** Layers, by name or number. Default: all. */
  layers?: readonly (string | number)[];
  /** First and last step. */
  steps?: readonly [number, number];
  title?: string;
}

export function isRoutingSource(value: object): value is RoutingSource {
  return "routing" in value || "experts" in value;
}

export function tablesOf(source: RoutingSource): RoutingTablesLike {
  return "routing" in source ? source.routing : source;
}

/** Numbers of one layer, by record. */
export interface RecordedLayer {
  name: string;
  /** The name without what all names have in common. */
  label: string;
  /** record × what a record has of the layer: experts, or one number. */
  rows: number[][];
}

export interface Recorded {
  /** Last step of each record. */
  steps: number[];
  layers: RecordedLayer[];
}

/**
 * A column of a table, by layer and record, in the order of the table.
 * @param lastShare without `steps` in the selection, only so much of the records, from the end
 */
export function recorded(
  owner: string,
  table: ArrowTable,
  columns: readonly string[],
  selection: RoutingSelection,
  lastShare = 1,
): Record<string, Recorded> {
  const all = Array.from(columnOf(owner, table, "step").toArray() as ArrayLike<number>);
  const everyStep = [...new Set(all)].sort((one, other) => one - other);
  if (everyStep.length === 0) {
    throw new RangeError(
      `${owner}: no routing was recorded yet. A run records from its first step on, if the model has MoE layers`,
    );
  }
  const [from, to] = selection.steps ?? [
    everyStep[everyStep.length - Math.max(1, Math.round(lastShare * everyStep.length))],
    Infinity,
  ];
  const steps = everyStep.filter((step) => step >= from && step <= to);
  if (steps.length === 0) {
    throw new RangeError(
      `${owner}: no routing was recorded from step ${from} to ${to}; there is from ${everyStep[0]} to ` +
        `${everyStep[everyStep.length - 1]}`,
    );
  }
  const place = new Map(steps.map((step, at) => [step, at]));
  const layerColumn = columnOf(owner, table, "layer");
  const names = Array.from(all, (_, row) => String(layerColumn.get(row)));
  const shown = chosenLayers(owner, [...new Set(names)], selection.layers);
  const labels = shortNames(shown);
  const layerPlace = new Map(shown.map((name, at) => [name, at]));
  return Object.fromEntries(
    columns.map((name) => {
      const values = columnOf(owner, table, name).toArray() as ArrayLike<number>;
      const layers = shown.map((layer, at) => ({
        name: layer,
        label: labels[at],
        rows: steps.map((): number[] => []),
      }));
      for (let row = 0; row < all.length; row++) {
        const record = place.get(all[row]);
        const layer = layerPlace.get(names[row]);
        if (record !== undefined && layer !== undefined) layers[layer].rows[record].push(Number(values[row]));
      }
      return [name, { steps, layers }];
    }),
  );
}

/** "steps 450–500", what a subtitle says. */
export function stepsText(steps: readonly number[]): string {
  const [first, last] = [steps[0], steps[steps.length - 1]];
  if (last === 0) return "";
  return first === last ? `step ${last}` : `steps ${first}–${last}`;
}

function columnOf(owner: string, table: ArrowTable, name: string) {
  const column = table.getChild(name);
  if (!column) {
    const there = table.schema.fields.map((field) => field.name).join(", ");
    throw new TypeError(`${owner}: expected a table of routing with a column "${name}", it has ${there}`);
  }
  return column;
}

function chosenLayers(owner: string, names: string[], wanted: RoutingSelection["layers"]): string[] {
  if (!wanted) return names;
  return wanted.map((layer) => {
    const name = typeof layer === "number" ? names[layer] : layer;
    if (!names.includes(name)) {
      throw new RangeError(
        `${owner}: there is no layer ${JSON.stringify(layer)}; there are ${names.join(", ")}`,
      );
    }
    return name;
  });
}

/** "layers.0.feedForward", "layers.1.feedForward" → "0", "1". */
export function shortNames(names: readonly string[]): string[] {
  const paths = names.map((name) => name.split("."));
  const shortest = Math.min(...paths.map((path) => path.length));
  const alike = (at: (path: string[]) => string) => new Set(paths.map(at)).size === 1;
  let front = 0;
  while (front < shortest - 1 && alike((path) => path[front])) front++;
  let back = 0;
  while (back < shortest - 1 - front && alike((path) => path[path.length - 1 - back])) back++;
  if (names.length < 2) return [...names];
  return paths.map((path) => path.slice(front, path.length - back).join("."));
}
