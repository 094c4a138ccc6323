/** Load map: which experts of which layers get how many tokens, against a fair share. */
import { labelledIndices, pictureWidth, quietInk, vegaLiteSpec } from "./appearance.js";
import { checkMatrix, checkNumber, checkNumbers, checkSameLength, type NumberList } from "./arguments.js";
import { type BalanceMeasures, balanceMeasures } from "./balanceMeasures.js";
import { binMeans, blockRow } from "./blocks.js";
import { deadColour, inkOn, loadColour, loadColours } from "./colours.js";
import { Picture } from "./picture.js";
import {
  isRoutingSource,
  type RoutingSelection,
  type RoutingSource,
  recorded,
  stepsText,
  tablesOf,
} from "./recordedRouting.js";

export interface LoadMapOptions {
  /** layer × expert: tokens sent to each expert, a token counting once for each of its k experts. */
  counts: ArrayLike<NumberList>;
  /** k, the experts chosen per token. */
  topK: number;
  /**
   * T, the tokens routed through each layer. Default: each layer's Σ counts / k, right when no token was dropped. With
   * it, what is missing from T·k is shown as dropped.
   */
  tokens?: number;
  /** Per layer: share of the assignments in `counts` that experts refused, under a capacity. */
  dropped?: NumberList;
  /** Names of the rows, one per row of `counts`, when these are not layers 0, 1, 2, … */
  layers?: readonly (string | number)[];
  title?: string;
}

export interface LoadMapData {
  topK: number;
  layers: string[];
  /** layer × expert, as given. */
  counts: number[][];
  /** layer × expert: u = N·E/(T·k); 1 is a fair share, 0 a dead expert. */
  load: number[][];
  /** Per layer: share of the choices that reached no expert; 0 unless `tokens` or `dropped` was given. */
  dropped: number[];
  /** Per layer. */
  balance: BalanceMeasures[];
}

/**
 * Heat map of u = N·E/(T·k) per layer and expert on a log2 colour scale around the fair share 1; experts without a
 * token are crossed. Beside each row: the coefficient of variation and how many experts are dead.
 *
 * @param source a run or tables of routing; without `steps`, the last tenth of what was recorded
 * @example
 * viz.loadMap(run);
 * viz.loadMap(run, { steps: [1, 100] });
 * viz.loadMap(moe.routingStatistics(model));   // the last forward pass
 * @throws when counts are ragged, negative or not finite, when a layer has no token, when k exceeds the experts
 */
export function loadMap(source: RoutingSource, selection?: RoutingSelection): Picture<LoadMapData>;
export function loadMap(options: LoadMapOptions): Picture<LoadMapData>;
export function loadMap(
  given: LoadMapOptions | RoutingSource,
  selection: RoutingSelection = {},
): Picture<LoadMapData> {
  const options = isRoutingSource(given) ? fromRecords(given, selection) : given;
  const data = measureLoad(options);
  const title = options.title ?? "Expert load: tokens relative to a fair share";
  return new Picture({ data, spec: loadMapSpec(data, title), text: loadMapText(data) });
}

function fromRecords(source: RoutingSource, selection: RoutingSelection): LoadMapOptions {
  const owner = "viz.loadMap";
  const tables = tablesOf(source);
  const { load, dropped } = recorded(owner, tables.experts, ["load", "dropped"], selection, 0.1);
  const { tokens } = recorded(owner, tables.layers, ["tokens"], selection, 0.1);
  const sumOf = (rows: number[][]) => rows.flat().reduce((sum, value) => sum + value, 0);
  const given = sumOf(load.layers.flatMap(({ rows }) => rows));
  const when = stepsText(load.steps);
  return {
    counts: load.layers.map(({ rows }) =>
      rows[0].map((_, expert) => rows.reduce((sum, row) => sum + row[expert], 0)),
    ),
    // Gates may give up second choices, or choose a varying number.
    topK: Math.max(1, Math.ceil(given / sumOf(tokens.layers.flatMap(({ rows }) => rows)) - 1e-9)),
    dropped: load.layers.map(({ rows }, l) => sumOf(dropped.layers[l].rows) / Math.max(1, sumOf(rows))),
    layers: load.layers.map(({ label }) => label),
    title: selection.title ?? `Expert load: tokens relative to a fair share${when && `, ${when}`}`,
  };
}

function measureLoad({ counts, topK, tokens, dropped, layers }: LoadMapOptions): LoadMapData {
  const matrix = checkMatrix("counts", counts, { row: "layer", column: "expert" }, { min: 0 });
  const experts = matrix[0].length;
  checkNumber("topK", topK, { min: 1, integer: true });
  if (topK > experts) {
    throw new RangeError(
      `topK is ${topK} but counts has ${experts} experts per layer: expected topK ≤ experts`,
    );
  }
  if (layers) checkSameLength({ counts: matrix, layers }, "one entry per layer");
  if (tokens !== undefined) checkNumber("tokens", tokens, { min: 1 });
  const refused = dropped && checkNumbers("dropped", dropped, "one share per layer", { min: 0 });
  if (refused) checkSameLength({ counts: matrix, dropped: refused }, "one entry per layer");
  const sums = matrix.map((row) => row.reduce((sum, count) => sum + count, 0));
  sums.forEach((sum, i) => {
    if (sum === 0)
      throw new RangeError(`counts[${i}] has no token at all: leave out layers that were not run`);
    if (tokens !== undefined && sum > tokens * topK * (1 + 1e-9)) {
      throw new RangeError(
        `counts[${i}] sums to ${sum}, more than tokens × topK = ${tokens * topK}: check tokens and topK`,
      );
    }
  });
  const choices = sums.map((sum) => (tokens === undefined ? sum : tokens * topK));
  return {
    topK,
    layers: matrix.map((_, i) => String(layers?.[i] ?? i)),
    counts: matrix,
    load: matrix.map((row, i) => row.map((count) => (count * experts) / choices[i])),
    dropped: sums.map((sum, i) => refused?.[i] ?? 1 - sum / choices[i]),
    balance: matrix.map(balanceMeasures),
  };
}

/** Largest |log2 u| the colours tell apart: whole octaves fitted to the data, at most 3 so that ±1 stays visible. */
function octaves(data: LoadMapData): number {
  const alive = data.load.flat().filter((u) => u > 0);
  return Math.min(3, Math.max(1, Math.ceil(Math.max(...alive.map((u) => Math.abs(Math.log2(u)))))));
}

function loadMapSpec(data: LoadMapData, title: string) {
  const experts = data.counts[0].length;
  const range = octaves(data);
  const plotWidth = pictureWidth - 175;
  const cellWidth = Math.max(2, Math.min(64, plotWidth / experts));
  const cellHeight = Math.max(10, Math.min(26, 520 / data.layers.length));
  const labelled = cellWidth >= 26 && cellHeight >= 14;
  const gap = cellWidth >= 6 ? 0.5 : 0;

  // One row per layer, unrolled by the client: four times smaller than a row per cell.
  const values = data.layers.map((layer, l) => ({
    layer,
    expert: data.load[l].map((_, e) => e),
    tokens: data.counts[l],
    load: data.load[l].map((u) => Number(u.toPrecision(5))),
    ...(labelled ? { ink: data.load[l].map((u) => inkOn(loadColour(Math.log2(u) / range))) } : {}),
  }));
  const margins = data.layers.map((layer, l) => ({ layer, note: marginNote(data, l) }));

  const x = {
    field: "expert",
    type: "ordinal",
    title: "expert",
    scale: { type: "band", paddingInner: 0, paddingOuter: 0 },
    axis: { values: labelledIndices(experts, cellWidth, 22), labelAngle: 0, ticks: false, domain: false },
  };
  const y = {
    field: "layer",
    type: "ordinal",
    title: "layer",
    sort: data.layers,
    scale: { type: "band", paddingInner: 0, paddingOuter: 0 },
    axis: {
      values: labelledIndices(data.layers.length, cellHeight, 12).map((l) => data.layers[l]),
      ticks: false,
      domain: false,
    },
  };
  const tooltip = [
    { field: "layer", type: "nominal", title: "layer" },
    { field: "expert", type: "ordinal", title: "expert" },
    { field: "tokens", type: "quantitative", title: "tokens" },
    { field: "load", type: "quantitative", title: "times fair share", format: ".3f" },
  ];
  const cell = { type: "rect", stroke: "white", strokeWidth: gap };
  const legendValues = Array.from({ length: 2 * range + 1 }, (_, i) => i - range);

  return vegaLiteSpec(
    { title, subtitle: summary(data) },
    {
      width: cellWidth * experts,
      height: cellHeight * data.layers.length,
      data: { values },
      transform: [
        { flatten: ["expert", "tokens", "load", ...(labelled ? ["ink"] : [])] },
        { calculate: "log(datum.load) / LN2", as: "octave" },
      ],
      encoding: { x, y },
      layer: [
        {
          transform: [{ filter: "datum.load > 0" }],
          mark: cell,
          encoding: {
            color: {
              field: "octave",
              type: "quantitative",
              scale: { domain: [-range, range], range: loadColours, interpolate: "rgb", clamp: true },
              legend: {
                title: "× fair share",
                titleOrient: "left",
                offset: 6,
                values: legendValues,
                labelExpr: octaveLabel(data, range),
                orient: "bottom",
                direction: "horizontal",
                gradientLength: 240,
                gradientThickness: 9,
              },
            },
            tooltip,
          },
        },
        {
          transform: [{ filter: "datum.load == 0" }],
          mark: { ...cell, color: deadColour },
          encoding: { tooltip },
        },
        ...(cellWidth >= 5
          ? [
              {
                transform: [{ filter: "datum.load == 0" }],
                mark: {
                  type: "text",
                  text: "✕",
                  color: "white",
                  fontSize: Math.min(11, cellHeight - 2, cellWidth * 1.1),
                },
                encoding: { tooltip },
              },
            ]
          : []),
        ...(labelled
          ? [
              {
                transform: [{ filter: "datum.load > 0" }],
                // "invalid": Vega-Lite 5.6.1 would add a filter on the unscaled colour and fail on it.
                mark: { type: "text", fontSize: 10, invalid: null },
                encoding: {
                  text: { field: "load", type: "quantitative", format: ".2f" },
                  color: { field: "ink", type: "nominal", scale: null },
                  tooltip,
                },
              },
            ]
          : []),
        {
          data: { values: margins },
          mark: { type: "text", align: "left", dx: 6, fontSize: Math.min(10, cellHeight), color: quietInk },
          encoding: { x: { value: cellWidth * experts }, text: { field: "note", type: "nominal" } },
        },
      ],
    },
  );
}

/** Vega expression for a legend label: 1/2, 1, 2, with ≤ and ≥ at ends beyond which cells lie. */
function octaveLabel(data: LoadMapData, range: number): string {
  const alive = data.load.flat().filter((u) => u > 0);
  const below = alive.some((u) => Math.log2(u) < -range) ? "≤ " : "";
  const above = alive.some((u) => Math.log2(u) > range) ? "≥ " : "";
  return (
    `(datum.value == ${-range} ? '${below}' : datum.value == ${range} ? '${above}' : '') + ` +
    "(datum.value < 0 ? '1/' + pow(2, -datum.value) : '' + pow(2, datum.value))"
  );
}

function marginNote(data: LoadMapData, layer: number): string {
  const { cv, deadFraction } = data.balance[layer];
  const dead = Math.round(deadFraction * data.counts[layer].length);
  const dropped = data.dropped[layer];
  return [
    `CV ${cv.toFixed(2)}`,
    ...(dead > 0 ? [`${dead} dead`] : []),
    ...(dropped > 5e-4 ? [`${(100 * dropped).toFixed(1)}% dropped`] : []),
  ].join(", ");
}

function summary(data: LoadMapData): string {
  const experts = data.counts[0].length;
  const dead = data.load.flat().filter((u) => u === 0).length;
  const worst = Math.max(...data.load.flat());
  const layers = data.layers.length;
  return [
    `${layers} ${layers === 1 ? "layer" : "layers"} of ${experts} experts, top-${data.topK}`,
    `busiest ${worst.toFixed(2)} × fair`,
    `${dead} dead`,
  ].join(" · ");
}

const widestText = 64;
const mostTextLines = 16;

function loadMapText(data: LoadMapData): string {
  const shown = labelledIndices(data.layers.length, mostTextLines / data.layers.length, 1);
  const nameWidth = Math.max(...shown.map((l) => data.layers[l].length));
  const merged = Math.ceil(data.counts[0].length / widestText);
  const lines = shown.map((l) => {
    const name = data.layers[l].padStart(nameWidth);
    return `layer ${name} ${loadBars(data.load[l])} ${marginNote(data, l)}`;
  });
  const key = [
    "▁ none, ▄ fair, █ twice or more, × dead",
    ...(merged > 1 ? [`up to ${merged} experts per character`] : []),
    ...(shown.length < data.layers.length ? [`${shown.length} of ${data.layers.length} layers`] : []),
  ].join("; ");
  return [`Expert load: ${summary(data)}`, ...lines, `(${key})`].join("\n");
}

/** Bars whose full height is twice the fair share, so that a fair expert stands at half. */
function loadBars(load: readonly number[]): string {
  const bins = binMeans(load, widestText);
  return bins.map((u) => (u === 0 ? "×" : blockRow([u / 2 - 1 / 14]))).join("");
}
