/** Balance over training steps: how evenly each layer's tokens are spread, and whether that gets better. */
import { labelledIndices, pictureWidth, vegaLiteSpec } from "./appearance.js";
import { checkList, checkMatrix, checkNumbers, checkSameLength, type NumberList } from "./arguments.js";
import { type BalanceMeasures, balancedValues, balanceMeasures } from "./balanceMeasures.js";
import { binMeans, blockRow, sharesOf } from "./blocks.js";
import { extent, thin } from "./curves.js";
import { Picture } from "./picture.js";
import {
  isRoutingSource,
  type RoutingSelection,
  type RoutingSource,
  recorded,
  tablesOf,
} from "./recordedRouting.js";

export interface BalanceOptions {
  /** Increasing training steps. */
  steps: NumberList;
  /** step × layer × expert: tokens sent to each expert at that step. */
  counts: ArrayLike<ArrayLike<NumberList>>;
  /**
   * step × layer: auxiliary loss before its coefficient. Its value at perfect balance depends on the normalisation
   * (1 for E·Σ f_e·P_e with Σ f = 1), so name it.
   */
  auxLoss?: { values: ArrayLike<NumberList>; balanced: number };
  /** Names of the layers when these are not 0, 1, 2, … */
  layers?: readonly (string | number)[];
  title?: string;
}

/** Each measure as step × layer. */
export type BalanceOverSteps = { [measure in keyof BalanceMeasures]: number[][] } & { auxLoss?: number[][] };

export interface BalanceData {
  steps: number[];
  layers: string[];
  measures: BalanceOverSteps;
  /** The value of each measure at perfect balance: the dashed line. */
  balanced: BalanceMeasures & { auxLoss?: number };
}

const titles: { [measure: string]: string } = {
  cv: "CV of load",
  maxVio: "MaxVio",
  diversity: "exp(H)/E",
  deadFraction: "dead experts",
  auxLoss: "aux loss",
};

/**
 * One panel per measure (coefficient of variation, maximal violation, effective share of experts, dead share, and the
 * auxiliary loss when given), one line per layer, the value at perfect balance dashed.
 *
 * @param source a run or tables of routing
 * @throws when the arrays are ragged or do not have one entry per step, when a layer has no token at a step
 */
export function balance(source: RoutingSource, selection?: RoutingSelection): Picture<BalanceData>;
export function balance(options: BalanceOptions): Picture<BalanceData>;
export function balance(
  given: BalanceOptions | RoutingSource,
  selection: RoutingSelection = {},
): Picture<BalanceData> {
  const options = isRoutingSource(given) ? fromRecords(given, selection) : given;
  const data = measureBalance(options);
  const spec = balanceSpec(data, options.title ?? "Balance of expert load over training steps");
  return new Picture({ data, spec, text: balanceText(data) });
}

function fromRecords(source: RoutingSource, selection: RoutingSelection): BalanceOptions {
  const { load } = recorded("viz.balance", tablesOf(source).experts, ["load"], selection);
  const steps = load.steps
    .map((_, at) => at)
    .filter((at) => load.layers.every(({ rows }) => rows[at].some(Boolean)));
  return {
    steps: steps.map((at) => load.steps[at]),
    counts: steps.map((at) => load.layers.map(({ rows }) => rows[at])),
    layers: load.layers.map(({ label }) => label),
    ...(selection.title ? { title: selection.title } : {}),
  };
}

function measureBalance({ steps, counts, auxLoss, layers }: BalanceOptions): BalanceData {
  const at = checkNumbers("steps", steps, "training steps", { min: 0 });
  const perStep = checkList("counts", counts, "one layer × expert matrix per step").map((matrix, s) =>
    checkMatrix(`counts[${s}]`, matrix, { row: "layer", column: "expert" }, { min: 0 }),
  );
  checkSameLength({ steps: at, counts: perStep }, "one entry per step");
  perStep.forEach((matrix, s) => {
    checkSameLength({ "counts[0]": perStep[0], [`counts[${s}]`]: matrix }, "one row per layer");
    matrix.forEach((row, l) => {
      if (row.every((count) => count === 0)) {
        throw new RangeError(`counts[${s}][${l}] has no token at all: leave out steps that routed nothing`);
      }
    });
  });
  if (layers) checkSameLength({ "counts[0]": perStep[0], layers }, "one entry per layer");
  const all = perStep.map((matrix) => matrix.map(balanceMeasures));
  const pick = (measure: keyof BalanceMeasures) => all.map((row) => row.map((one) => one[measure]));
  const measures: BalanceOverSteps = {
    cv: pick("cv"),
    maxVio: pick("maxVio"),
    diversity: pick("diversity"),
    deadFraction: pick("deadFraction"),
  };
  if (auxLoss) {
    measures.auxLoss = checkMatrix("auxLoss.values", auxLoss.values, { row: "step", column: "layer" });
    checkSameLength({ steps: at, "auxLoss.values": measures.auxLoss }, "one entry per step");
    checkSameLength({ "counts[0]": perStep[0], "auxLoss.values[0]": measures.auxLoss[0] }, "one per layer");
  }
  return {
    steps: at,
    layers: perStep[0].map((_, l) => String(layers?.[l] ?? l)),
    measures,
    balanced: { ...balancedValues, ...(auxLoss ? { auxLoss: auxLoss.balanced } : {}) },
  };
}

const mostPoints = 120;

function balanceSpec(data: BalanceData, title: string) {
  const names = Object.keys(data.measures) as (keyof BalanceOverSteps)[];
  const panels = names.map((measure, p) => {
    const matrix = data.measures[measure]!;
    const values = data.layers.flatMap((layer, l) => {
      const line = matrix.map((row) => row[l]);
      return thin(line, mostPoints / 2).map((i) => ({
        step: data.steps[i],
        layer,
        value: Number(line[i].toPrecision(5)),
      }));
    });
    const last = p === names.length - 1;
    const x = {
      field: "step",
      type: "quantitative",
      title: last ? "step" : null,
      scale: { zero: false, nice: false },
      axis: { grid: false, labels: last, ticks: last, tickCount: 8 },
    };
    const ideal = data.balanced[measure]!;
    const y = {
      field: "value",
      type: "quantitative",
      title: titles[measure],
      scale: { zero: measure !== "auxLoss", nice: true },
      axis: { tickCount: 3, format: measure === "deadFraction" ? "~%" : "~r", minExtent: 40, maxExtent: 40 },
    };
    return {
      width: pictureWidth - 130,
      height: 70,
      layer: [
        {
          data: { values },
          mark: { type: "line", strokeWidth: 1.5 },
          encoding: {
            x,
            y,
            color: {
              field: "layer",
              type: "ordinal",
              sort: data.layers,
              scale: { scheme: "viridis" },
              legend: {
                title: "layer",
                values: labelledIndices(data.layers.length, 1, data.layers.length / 24).map(
                  (l) => data.layers[l],
                ),
                symbolType: "stroke",
                symbolStrokeWidth: 3,
              },
            },
            tooltip: [
              { field: "layer", type: "nominal" },
              { field: "step", type: "quantitative" },
              { field: "value", type: "quantitative", title: titles[measure], format: ".4f" },
            ],
          },
        },
        {
          data: { values: [{ value: ideal }] },
          mark: { type: "rule", strokeDash: [5, 4], color: "#888888" },
          encoding: { y: { field: "value", type: "quantitative" } },
        },
      ],
    };
  });
  return vegaLiteSpec({ title, subtitle: "dashed: perfect balance" }, { vconcat: panels, spacing: 8 });
}

function balanceText(data: BalanceData): string {
  const last = data.steps.length - 1;
  const lines = (Object.keys(data.measures) as (keyof BalanceOverSteps)[]).map((measure) => {
    const means = data.measures[measure]!.map((row) => row.reduce((a, b) => a + b, 0) / row.length);
    const ideal = data.balanced[measure]!;
    const [low, high] = extent([...means, ideal])!;
    const bars = blockRow(sharesOf(binMeans(means, 48), low, high));
    return `${titles[measure].padEnd(12)} ${bars} ${means[last].toFixed(3)} (balanced ${ideal})`;
  });
  const layers = data.layers.length === 1 ? "1 layer" : `mean of ${data.layers.length} layers`;
  return [`Balance at step ${data.steps[last]}, ${layers}:`, ...lines].join("\n");
}
