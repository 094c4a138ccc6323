/** Loss curves: training and validation loss over steps, with baselines to beat. */
import { pictureWidth, vegaLiteSpec } from "./appearance.js";
import { blockRow, blockRows, sharesOf } from "./blocks.js";
import { seriesColours } from "./colours.js";
import {
  checkReferences,
  checkSeries,
  extent,
  type Reference,
  type Series,
  type SmoothedSeries,
  thin,
} from "./curves.js";
import { textWidth } from "./font.js";
import { Picture } from "./picture.js";

export interface LossCurveOptions {
  /** For example training and validation loss. */
  series: readonly Series[];
  /** Horizontal lines, for example the loss of a unigram and of a bigram model. */
  references?: readonly Reference[];
  /** Scale of the losses. Default "linear". */
  scale?: "linear" | "log";
  /** Half-life of the smoothed curves in steps, 0 for none. Default: a hundredth of the steps. */
  smoothingHalfLife?: number;
  /** Label of the loss axis with its unit. Default "loss". */
  yTitle?: string;
  title?: string;
}

export interface LossCurveData {
  series: SmoothedSeries[];
  references: Reference[];
  scale: "linear" | "log";
}

/**
 * Raw values faint, smoothed values strong, short series with points, references dashed and labelled at the right.
 * Losses that are not finite leave gaps and are counted in the subtitle.
 *
 * @throws when a series is ragged, its steps do not increase, no value is finite, or a log scale meets a value ≤ 0
 */
export function lossCurve(options: LossCurveOptions): Picture<LossCurveData> {
  const series = checkSeries(options.series, options.smoothingHalfLife);
  const references = checkReferences(options.references);
  const scale = options.scale ?? "linear";
  if (scale !== "linear" && scale !== "log") {
    throw new RangeError(`scale must be "linear" or "log", got ${JSON.stringify(scale)}`);
  }
  const data = { series, references, scale };
  const bounds = lossBounds(data);
  const title = options.title ?? "Loss over training steps";
  const spec = lossSpec(data, bounds, title, options.yTitle ?? "loss");
  return new Picture({ data, spec, text: lossText(data) });
}

/** The range of the loss axis, references included. */
export function lossBounds({ series, references, scale }: LossCurveData): [number, number] {
  const all = [...series.flatMap(({ values }) => values), ...references.map(({ value }) => value)];
  const range = extent(all);
  if (!range || !extent(series.flatMap(({ values }) => values))) {
    throw new RangeError("series has no finite value: there is nothing to draw");
  }
  const [low, high] = range;
  if (scale === "log") {
    if (low <= 0) throw new RangeError(`scale "log" needs values above 0, got ${low}: use scale "linear"`);
    const room = (high / low) ** 0.05;
    return high > low ? [low / room, high * room] : [low / 2, high * 2];
  }
  const room = high > low ? 0.05 * (high - low) : Math.max(0.1, 0.1 * Math.abs(high));
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

const plotHeight = 260;
/** Points per curve in a spec: more cannot be seen at this width. */
const buckets = 250;

function lossSpec(data: LossCurveData, bounds: [number, number], title: string, yTitle: string) {
  const labels = placeReferences(data, bounds);
  const labelRoom = Math.max(0, ...labels.map(({ label }) => textWidth(label, 10))) + 8;
  const width = pictureWidth - 70 - Math.min(200, labelRoom);
  const names = data.series.map(({ name }) => name);
  const color = {
    field: "series",
    type: "nominal",
    scale: { domain: names, range: names.map((_, i) => seriesColours[i % seriesColours.length]) },
    legend: {
      title: null,
      orient: "top",
      symbolType: "stroke",
      symbolStrokeWidth: 3,
      symbolOpacity: 1,
      columns: 4,
      offset: 6,
    },
  };
  const x = {
    field: "step",
    type: "quantitative",
    title: "step",
    scale: { zero: false, nice: false },
    axis: { grid: false, tickCount: 8 },
  };
  const yScale = {
    type: data.scale,
    domain: bounds,
    nice: false,
    ...(data.scale === "linear" ? { zero: false } : {}),
  };
  const y = {
    field: "loss",
    type: "quantitative",
    title: yTitle,
    scale: yScale,
    axis: { tickCount: 6, format: "~r" },
  };
  const smoothed = data.series.filter((one) => isSmoothed(one));
  const sparse = data.series.filter((one) => one.values.length <= 40);
  const rows = (list: SmoothedSeries[], values: (one: SmoothedSeries) => number[]) =>
    list.flatMap((one) =>
      thin(values(one), buckets).map((i) => ({
        series: one.name,
        step: one.steps[i],
        loss: jsonNumber(values(one)[i]),
      })),
    );
  const tooltip = [
    { field: "series", type: "nominal", title: "series" },
    { field: "step", type: "quantitative", title: "step" },
    { field: "loss", type: "quantitative", title: yTitle, format: ".4f" },
  ];
  const gaps = data.series.map(gapNote).filter((note) => note !== "");
  const references = {
    values: data.references.map(({ name, value }) => ({ reference: name, loss: value })),
  };

  return vegaLiteSpec(
    { title, ...(gaps.length > 0 ? { subtitle: gaps.join("; ") } : {}) },
    {
      width,
      height: plotHeight,
      datasets: {
        ...(smoothed.length > 0 ? { raw: rows(smoothed, ({ values }) => values) } : {}),
        curves: rows(data.series, (one) => one.smoothed),
      },
      layer: [
        ...(data.references.length > 0
          ? [
              {
                data: references,
                mark: { type: "rule", strokeDash: [5, 4], color: "#888888" },
                encoding: {
                  y,
                  tooltip: [
                    { field: "reference", type: "nominal" },
                    { field: "loss", type: "quantitative", title: yTitle, format: ".4f" },
                  ],
                },
              },
            ]
          : []),
        ...(smoothed.length > 0
          ? [
              {
                data: { name: "raw" },
                mark: { type: "line", strokeWidth: 1, opacity: 0.3 },
                encoding: { x, y, color },
              },
            ]
          : []),
        {
          data: { name: "curves" },
          mark: { type: "line", strokeWidth: 2 },
          encoding: { x, y, color, tooltip },
        },
        ...(sparse.length > 0
          ? [
              {
                data: { name: "curves" },
                transform: [{ filter: { field: "series", oneOf: sparse.map(({ name }) => name) } }],
                mark: { type: "point", filled: true, size: 30, opacity: 1 },
                encoding: { x, y, color, tooltip },
              },
            ]
          : []),
        {
          // Invisible until the pointer is near: reads the closest value of any curve.
          data: { name: "curves" },
          params: [
            {
              name: "nearest",
              select: {
                type: "point",
                on: "mouseover",
                clear: "mouseout",
                nearest: true,
                encodings: ["x", "y"],
              },
            },
          ],
          mark: { type: "point", filled: true, size: 60 },
          encoding: {
            x,
            y,
            color,
            opacity: { condition: { param: "nearest", value: 1, empty: false }, value: 0 },
            tooltip,
          },
        },
        ...labels.map(({ label, at }) => ({
          data: { values: [{}] },
          mark: { type: "text", align: "left", baseline: "middle", dx: 5, fontSize: 10, color: "#555555" },
          encoding: { x: { value: width }, y: { value: at }, text: { value: label } },
        })),
      ],
    },
  );
}

/** Labels of the references in pixels from the top, pushed apart where two lines are close. */
function placeReferences({ references, scale }: LossCurveData, [low, high]: [number, number]) {
  const place = (value: number) =>
    scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const labels = references
    .map(({ name, value }) => ({
      label: `${name} ${formatLoss(value)}`,
      at: plotHeight * (1 - place(value)),
    }))
    .sort((a, b) => a.at - b.at);
  const lineHeight = 12;
  for (let i = 1; i < labels.length; i++) {
    labels[i].at = Math.max(labels[i].at, labels[i - 1].at + lineHeight);
  }
  // What was pushed below the plot moves back up, and pushes the ones above it.
  for (let i = labels.length - 1, floor = plotHeight; i >= 0; i--, floor -= lineHeight) {
    labels[i].at = Math.round(Math.min(labels[i].at, floor));
  }
  return labels;
}

function isSmoothed({ values, smoothed }: SmoothedSeries): boolean {
  return smoothed.some((value, i) => value !== values[i] && Number.isFinite(value));
}

function gapNote({ name, steps, values }: SmoothedSeries): string {
  const gaps = values.map((value, i) => (Number.isFinite(value) ? -1 : i)).filter((i) => i >= 0);
  if (gaps.length === 0) return "";
  return `${name}: ${gaps.length} of ${values.length} values not finite, first at step ${steps[gaps[0]]}`;
}

/** One line on where a series stands, for text. */
export function seriesSummary({ name, steps, values }: SmoothedSeries): string {
  const last = values.findLastIndex(Number.isFinite);
  if (last < 0) return `${name} has no finite value`;
  const range = extent(values)!;
  const best = range[0] < values[last] ? ` (least ${formatLoss(range[0])})` : "";
  return `${name} ${formatLoss(values[last])} at step ${steps[last]}${best}`;
}

const textColumns = 60;

function lossText(data: LossCurveData): string {
  const { series, references } = data;
  const head = [
    ...series.map(seriesSummary),
    ...references.map(({ name, value }) => `${name} ${formatLoss(value)}`),
  ].join("; ");
  const gaps = series.map(gapNote).filter((note) => note !== "");
  return [`Loss: ${head}`, ...gaps, ...lossBlocks(series, data.scale)].join("\n");
}

/** One series as a chart of four lines, several as a line each; all on the same steps and the same range of losses. */
export function lossBlocks(series: readonly SmoothedSeries[], scale: "linear" | "log"): string[] {
  const [first, last] = extent(series.flatMap(({ steps }) => steps))!;
  const columns = Math.min(textColumns, Math.max(...series.map(({ steps }) => steps.length)));
  const means = series.map((one) => columnMeans(one, first, last, columns));
  const [low, high] = extent(means.flat())!;
  const transform = (value: number) => (scale === "log" ? Math.log(value) : value);
  const bars = (one: number[]) => sharesOf(one.map(transform), transform(low), transform(high));
  if (series.length === 1) {
    const labels = [formatLoss(high), "", "", formatLoss(low)];
    return blockRows(bars(means[0]), 4).map((row, i) => `${row} ${labels[i]}`.trimEnd());
  }
  const nameWidth = Math.max(...series.map(({ name }) => name.length));
  return series.map(({ name }, i) => `${name.padEnd(nameWidth)} ${blockRow(bars(means[i]))}`.trimEnd());
}

/** Means of the finite smoothed values per column of steps; NaN where a column has none. */
function columnMeans(
  { steps, smoothed }: SmoothedSeries,
  first: number,
  last: number,
  columns: number,
): number[] {
  const sums = new Array<number>(columns).fill(0);
  const counts = new Array<number>(columns).fill(0);
  steps.forEach((step, i) => {
    if (!Number.isFinite(smoothed[i])) return;
    const column = last > first ? Math.round(((step - first) / (last - first)) * (columns - 1)) : 0;
    sums[column] += smoothed[i];
    counts[column]++;
  });
  return sums.map((sum, c) => (counts[c] > 0 ? sum / counts[c] : Number.NaN));
}

export function formatLoss(value: number): string {
  return Math.abs(value) >= 0.01 || value === 0
    ? value.toFixed(Math.abs(value) < 1 ? 4 : 3)
    : value.toExponential(2);
}

/** JSON has no NaN; Vega-Lite breaks a line at null. */
function jsonNumber(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : null;
}
