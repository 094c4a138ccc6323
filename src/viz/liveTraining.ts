/**
 * The picture of a run in progress: loss so far, beside it the load of the experts, always of the same size so that
 * the page does not jump. Drawn as SVG by hand, not by Vega: it is drawn up to four times a second, on the thread that
 * trains.
 */
import type { DisplayData } from "../host.js";
import { gridColour, ink, pictureWidth, quietInk } from "./appearance.js";
import { checkMatrix, checkNumber, type NumberList } from "./arguments.js";
import { deadColour, loadColour, seriesColours } from "./colours.js";
import {
  checkReferences,
  checkSeries,
  extent,
  type Reference,
  type Series,
  type SmoothedSeries,
  thin,
} from "./curves.js";
import { fitText, textWidth } from "./font.js";
import { formatLoss, lossBlocks, lossBounds } from "./lossCurve.js";
import { rasterize } from "./raster.js";

export interface LiveTrainingOptions {
  /** Losses so far; a series may still be empty. */
  series: readonly Series[];
  references?: readonly Reference[];
  /** Steps of the whole run: the right end of the step axis. Default: the last step so far. */
  totalSteps?: number;
  /** One line above the plot, for example step, tokens per second, time left. Cut where it does not fit. */
  status?: string;
  /** layer × expert tokens of the last steps, drawn beside the losses; rows without a token stay grey. */
  counts?: ArrayLike<NumberList>;
  /** Scale of the losses. Default "linear". */
  scale?: "linear" | "log";
  /** Half-life of the smoothed curves in steps. Default: a hundredth of the steps so far. */
  smoothingHalfLife?: number;
}

const height = 230;
/** Room for the panel of expert load and for the names of references. */
const loadWidth = 130;
const referenceWidth = 70;
/** Pixels per unit: less than for pictures that stay, since each one costs the training thread time. */
const livePixelsPerUnit = 1.5;
const plot = { left: 48, top: 46, bottom: height - 30 };

/**
 * A bundle of PNG and text for one update of a live output. Synchronous, 15 to 25 ms and 20 to 50 kB each; 640 × 230
 * units whatever the input. Show {@link lossCurve} in the last update, which adds the Vega-Lite picture.
 *
 * @throws as {@link lossCurve} does, but not for series without values
 */
export function liveTraining(options: LiveTrainingOptions): DisplayData {
  const begun = options.series.filter(({ steps, values }) => steps.length + values.length > 0);
  const series = begun.length > 0 ? checkSeries(begun, options.smoothingHalfLife) : [];
  const references = checkReferences(options.references);
  const scale = options.scale ?? "linear";
  const drawable = extent(series.flatMap(({ values }) => values)) !== undefined;
  const bounds = drawable ? lossBounds({ series, references, scale }) : undefined;
  const counts = options.counts
    ? checkMatrix("counts", options.counts, { row: "layer", column: "expert" }, { min: 0 })
    : undefined;
  if (options.totalSteps !== undefined) checkNumber("totalSteps", options.totalSteps, { min: 1 });

  const losses = series.map(latest).filter((text) => text !== "");
  const status = options.status ?? "";
  const load = { left: pictureWidth - 6 - loadWidth, right: pictureWidth - 6 };
  const referenceRoom = references.length > 0 ? referenceWidth + 10 : 14;
  const right = (counts ? load.left : pictureWidth) - referenceRoom;
  const parts = [
    label(fitText(status, pictureWidth - 12, 12), { x: 6, y: 16, size: 12 }),
    ...legend(series),
    bounds
      ? drawLosses({ series, references, scale, bounds, right, totalSteps: options.totalSteps })
      : label("no loss yet", { x: right / 2, y: height / 2, size: 12, fill: quietInk }),
    counts ? drawLoad(counts, load) : "",
  ];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${pictureWidth}" height="${height}" font-family="sans-serif">${parts.join("")}</svg>`;
  const { png, width, height: pixelHeight } = rasterize(svg, livePixelsPerUnit);
  const text = [
    [status, ...losses].filter((part) => part !== "").join(" · ") || "no loss yet",
    ...(bounds ? lossBlocks(series, scale) : []),
  ].join("\n");
  return {
    data: { "image/png": Buffer.from(png).toString("base64"), "text/plain": text },
    metadata: { "image/png": { width: width / livePixelsPerUnit, height: pixelHeight / livePixelsPerUnit } },
  };
}

function latest({ name, smoothed }: SmoothedSeries): string {
  const last = smoothed.findLast(Number.isFinite);
  return last === undefined ? "" : `${name} ${formatLoss(last)}`;
}

function legend(series: SmoothedSeries[]): string[] {
  let x = plot.left;
  return series.map((one, i) => {
    const text = latest(one) || one.name;
    const mark = `<rect x="${x}" y="28" width="12" height="3" fill="${colourOf(i)}"/>`;
    const drawn = mark + label(text, { x: x + 17, y: 33, size: 10 });
    x += 17 + textWidth(text, 10) + 16;
    return drawn;
  });
}

interface Losses {
  series: SmoothedSeries[];
  references: Reference[];
  scale: "linear" | "log";
  bounds: [number, number];
  right: number;
  totalSteps: number | undefined;
}

function drawLosses({ series, references, scale, bounds: [low, high], right, totalSteps }: Losses): string {
  const steps = extent(series.flatMap((one) => [one.steps[0], one.steps[one.steps.length - 1]]))!;
  const first = totalSteps === undefined ? steps[0] : 0;
  const last = Math.max(steps[1], totalSteps ?? 0, first + 1);
  const x = (step: number) => plot.left + ((step - first) / (last - first)) * (right - plot.left);
  const share = (loss: number) =>
    scale === "log" ? Math.log(loss / low) / Math.log(high / low) : (loss - low) / (high - low);
  const y = (loss: number) => plot.bottom - share(loss) * (plot.bottom - plot.top);
  const columns = Math.ceil(right - plot.left) / 2;

  const grid = ticks(low, high, 5).map(
    (tick) =>
      `<path d="M${plot.left} ${y(tick).toFixed(1)}H${right}" stroke="${gridColour}"/>` +
      label(tickText(tick), { x: plot.left - 5, y: y(tick) + 3.5, size: 10, anchor: "end" }),
  );
  const stepTicks = ticks(first, last, 6).map(
    (tick) =>
      `<path d="M${x(tick).toFixed(1)} ${plot.bottom}v4" stroke="#999999"/>` +
      label(tickText(tick), { x: x(tick), y: plot.bottom + 15, size: 10, anchor: "middle" }),
  );
  const axis = `<path d="M${plot.left} ${plot.top}V${plot.bottom}H${right}" fill="none" stroke="#999999"/>`;
  const baselines = references.map(
    ({ name, value }) =>
      `<path d="M${plot.left} ${y(value).toFixed(1)}H${right}" stroke="#888888" stroke-dasharray="5 4"/>` +
      label(fitText(name, referenceWidth, 9), { x: right + 4, y: y(value) + 3, size: 9, fill: quietInk }),
  );
  const curves = series.flatMap((one, i) => {
    const line = (values: number[], style: string) =>
      `<path d="${path(one.steps, values, columns, x, y)}" fill="none" stroke="${colourOf(i)}" ${style}/>`;
    const dots =
      one.steps.length > 40
        ? ""
        : one.steps
            .map((step, j) =>
              Number.isFinite(one.values[j])
                ? `<circle cx="${x(step).toFixed(1)}" cy="${y(one.values[j]).toFixed(1)}" r="2.5" fill="${colourOf(i)}"/>`
                : "",
            )
            .join("");
    return [
      line(one.values, 'stroke-opacity="0.3"'),
      line(one.smoothed, 'stroke-width="2" stroke-linejoin="round"'),
      dots,
    ];
  });
  const axisTitle = label("step", {
    x: (plot.left + right) / 2,
    y: height - 3,
    size: 10,
    anchor: "middle",
    fill: quietInk,
  });
  return [...grid, ...stepTicks, axis, ...baselines, ...curves, axisTitle].join("");
}

/** SVG path through the points that can be told apart, broken where a value is not finite. */
function path(
  steps: number[],
  values: number[],
  columns: number,
  x: (step: number) => number,
  y: (value: number) => number,
): string {
  let command = "M";
  return thin(values, columns)
    .map((i) => {
      if (!Number.isFinite(values[i])) {
        command = "M";
        return "";
      }
      const point = `${command}${x(steps[i]).toFixed(1)} ${y(values[i]).toFixed(1)}`;
      command = "L";
      return point;
    })
    .join("");
}

/** Layers down, experts across, colours as in the load map with two octaves to each side. */
function drawLoad(counts: number[][], { left, right }: { left: number; right: number }): string {
  const experts = counts[0].length;
  const width = (right - left) / experts;
  const rowHeight = Math.min(16, (plot.bottom - plot.top) / counts.length);
  const cells = counts.flatMap((row, l) => {
    const fair = row.reduce((sum, count) => sum + count, 0) / experts;
    const top = (plot.top + l * rowHeight).toFixed(1);
    if (fair === 0) {
      const all = (width * experts).toFixed(1);
      return [
        `<rect x="${left}" y="${top}" width="${all}" height="${rowHeight.toFixed(1)}" fill="#dddddd"/>`,
      ];
    }
    return row.map((count, e) => {
      const colour = count === 0 ? deadColour : loadColour(Math.log2(count / fair) / 2);
      const x = (left + e * width).toFixed(1);
      return `<rect x="${x}" y="${top}" width="${width.toFixed(1)}" height="${rowHeight.toFixed(1)}" fill="${colour}"/>`;
    });
  });
  const title = label("load: layers ↓ experts →", { x: left, y: 33, size: 9, fill: quietInk });
  return `${title}<g shape-rendering="crispEdges">${cells.join("")}</g>`;
}

interface LabelPlace {
  x: number;
  y: number;
  size: number;
  fill?: string;
  anchor?: "start" | "middle" | "end";
}

function label(text: string, { x, y, size, fill = ink, anchor = "start" }: LabelPlace): string {
  const escaped = text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${fill}" text-anchor="${anchor}">${escaped}</text>`;
}

/** About `count` round numbers (1, 2 or 5 times a power of ten apart) within [low, high]. */
function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const from = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - from + 1 }, (_, i) => (from + i) * step);
}

function tickText(tick: number): string {
  return String(Number(tick.toPrecision(6)));
}

function colourOf(series: number): string {
  return seriesColours[series % seriesColours.length];
}
