/** Co-activation: which experts take the same tokens. */
import { labelledIndices, pictureWidth, vegaLiteSpec } from "./appearance.js";
import { checkList, checkMatrix, checkSameLength, type NumberList } from "./arguments.js";
import { blockRow } from "./blocks.js";
import { Picture } from "./picture.js";
import {
  isRoutingSource,
  type RoutingSelection,
  type RoutingSource,
  recorded,
  tablesOf,
} from "./recordedRouting.js";

export interface CoactivationOptions {
  /** layer × expert × expert: tokens that both took; on the diagonal all that the expert took. */
  counts: ArrayLike<ArrayLike<NumberList>>;
  /** Names of the layers when these are not 0, 1, 2, … */
  layers?: readonly (string | number)[];
  title?: string;
}

export interface CoactivationData {
  layers: string[];
  /** layer × expert × expert, as given. */
  counts: number[][][];
  /** layer × expert i × expert j: N_ij / N_i, the share of i's tokens that j takes, too; NaN when i has none. */
  share: number[][][];
  /** Per layer: the share if experts were chosen independently of each other and equally often, (k − 1) / (E − 1). */
  expected: number[];
}

/** Cells of all layers together, beyond which a notebook becomes slow to open. */
const mostCells = 40_000;

/**
 * Heat map of N_ij / N_i (OLMoE, arXiv 2409.02060): of the tokens of the expert in the row, the share that the expert in
 * the column takes, too. 0 and 1 would be pairs that never and always go together. In live clients a slider chooses the
 * layer. The diagonal, always 1, is left out.
 *
 * @param source a run, tables of routing or counts
 * @throws when nothing was recorded, each token has one expert, or there are too many cells to draw (choose `layers`)
 */
export function coactivation(source: RoutingSource, selection?: RoutingSelection): Picture<CoactivationData>;
export function coactivation(options: CoactivationOptions): Picture<CoactivationData>;
export function coactivation(
  given: CoactivationOptions | RoutingSource,
  selection: RoutingSelection = {},
): Picture<CoactivationData> {
  const options = isRoutingSource(given) ? fromRecords(given, selection) : given;
  const data = measurePairs(options);
  const title = options.title ?? "Co-activation of experts";
  return new Picture({ data, spec: coactivationSpec(data, title), text: coactivationText(data) });
}

function fromRecords(source: RoutingSource, selection: RoutingSelection): CoactivationOptions {
  const table = tablesOf(source).coactivation;
  const { tokens } = recorded("viz.coactivation", table, ["tokens"], selection);
  const last = tokens.steps[tokens.steps.length - 1];
  const title = selection.title ?? `Co-activation of experts${last > 0 ? `, up to step ${last}` : ""}`;
  const counts = tokens.layers.map(({ rows }) => {
    const experts = Math.sqrt(rows[0].length);
    return Array.from({ length: experts }, (_, expert) =>
      Array.from({ length: experts }, (_, other) =>
        rows.reduce((sum, row) => sum + row[expert * experts + other], 0),
      ),
    );
  });
  return { counts, layers: tokens.layers.map(({ label }) => label), title };
}

function measurePairs({ counts, layers }: CoactivationOptions): CoactivationData {
  const matrices = checkList("counts", counts, "one expert × expert matrix per layer").map((matrix, l) => {
    const checked = checkMatrix(`counts[${l}]`, matrix, { row: "expert", column: "expert" }, { min: 0 });
    checkSameLength({ [`counts[${l}]`]: checked, [`counts[${l}][0]`]: checked[0] }, "one entry per expert");
    return checked;
  });
  if (layers) checkSameLength({ counts: matrices, layers }, "one entry per layer");
  const cells = matrices.reduce((sum, matrix) => sum + matrix.length ** 2, 0);
  if (cells > mostCells) {
    throw new RangeError(
      `counts has ${cells} pairs of experts, more than ${mostCells} are slow to show: choose some layers, such as ` +
        "viz.coactivation(run, { layers: [0] })",
    );
  }
  const expected = matrices.map((matrix, l) => {
    const taken = matrix.reduce((sum, row, expert) => sum + row[expert], 0);
    const pairs = matrix.flat().reduce((sum, count) => sum + count, 0) - taken;
    if (pairs === 0) {
      throw new RangeError(
        `counts[${l}] has no pair: with one expert per token nothing is activated together; use viz.loadMap`,
      );
    }
    return pairs / taken / (matrix.length - 1);
  });
  return {
    layers: matrices.map((_, l) => String(layers?.[l] ?? l)),
    counts: matrices,
    share: matrices.map((matrix) =>
      matrix.map((row, expert) => row.map((count) => (row[expert] > 0 ? count / row[expert] : Number.NaN))),
    ),
    expected,
  };
}

/** From none to the most: light to dark, readable without colour vision. */
const shareColours = ["#f5f5f2", "#c6d7e6", "#7fa8cc", "#3c77ab", "#12426f"];

function coactivationSpec(data: CoactivationData, title: string) {
  const most = Math.max(...data.share.map((matrix) => matrix.length));
  const size = Math.max(3, Math.min(34, (pictureWidth - 180) / most));
  const labelled = size >= 26;
  const values = data.share.flatMap((matrix, layer) =>
    matrix.map((row, expert) => ({
      layer,
      expert,
      other: row.map((_, other) => other),
      share: row.map((share) => (Number.isNaN(share) ? 0 : Number(share.toPrecision(4)))),
      tokens: data.counts[layer][expert],
    })),
  );
  const largest = Math.max(
    ...data.share.flatMap((matrix) =>
      matrix.flatMap((row, expert) => row.filter((share, other) => other !== expert && share > 0)),
    ),
  );
  const axis = {
    values: labelledIndices(most, size, 22),
    labelAngle: 0,
    ticks: false,
    domain: false,
  };
  const band = { type: "band", paddingInner: 0, paddingOuter: 0 };
  const tooltip = [
    { field: "expert", type: "ordinal", title: "of the tokens of expert" },
    { field: "other", type: "ordinal", title: "also with expert" },
    { field: "share", type: "quantitative", format: ".3f" },
    { field: "tokens", type: "quantitative" },
  ];
  const names = JSON.stringify(data.layers);
  const bind = { input: "range", min: 0, max: data.layers.length - 1, step: 1, name: "layer " };
  const expected = JSON.stringify(data.expected);
  const heading =
    `[${JSON.stringify(title)}, 'layer ' + ${names}[layer] + ` +
    `', independent experts would have ' + format(${expected}[layer], '.2f')]`;
  return vegaLiteSpec(
    { title: { expr: heading } },
    {
      width: size * most,
      height: size * most,
      params: [{ name: "layer", value: 0, ...(data.layers.length > 1 ? { bind } : {}) }],
      data: { values },
      transform: [
        { filter: "datum.layer == layer" },
        { flatten: ["other", "share", "tokens"] },
        { filter: "datum.other != datum.expert" },
      ],
      encoding: {
        x: { field: "other", type: "ordinal", title: "expert that takes them, too", scale: band, axis },
        y: { field: "expert", type: "ordinal", title: "expert", scale: band, axis },
      },
      layer: [
        {
          mark: { type: "rect", stroke: "white", strokeWidth: size >= 6 ? 0.5 : 0 },
          encoding: {
            color: {
              field: "share",
              type: "quantitative",
              scale: { domain: [0, largest], range: shareColours, interpolate: "rgb" },
              legend: {
                title: { expr: expected },
                format: ".2f",
                gradientLength: Math.min(200, size * most),
              },
            },
            tooltip,
          },
        },
        ...(labelled
          ? [
              {
                mark: { type: "text", fontSize: 9 },
                encoding: {
                  text: { field: "share", type: "quantitative", format: ".2f" },
                  color: {
                    condition: { test: `datum.share > ${0.55 * largest}`, value: "#ffffff" },
                    value: "#000000",
                  },
                  tooltip,
                },
              },
            ]
          : []),
      ],
    },
  );
}

const mostTextLines = 16;
const mostTextColumns = 64;

function coactivationText(data: CoactivationData): string {
  const [layer] = data.share;
  const shown = labelledIndices(layer.length, mostTextLines / layer.length, 1);
  const off = layer.map((row, expert) => row.map((share, other) => (other === expert ? Number.NaN : share)));
  const largest = Math.max(...off.flat().filter((share) => !Number.isNaN(share)));
  const lines = shown.map((expert) => {
    const row = off[expert].slice(0, mostTextColumns).map((share) => share / largest);
    return `expert ${String(expert).padStart(3)} ${blockRow(row)}`.trimEnd();
  });
  const strongest = off
    .flatMap((row, expert) => row.map((share, other) => ({ expert, other, share })))
    .filter(({ share }) => !Number.isNaN(share))
    .sort((one, other) => other.share - one.share)[0];
  const head =
    `Co-activation in layer ${data.layers[0]}: ${(100 * strongest.share).toFixed(0)}% of the tokens of expert ` +
    `${strongest.expert} also go to expert ${strongest.other}; ${(100 * data.expected[0]).toFixed(0)}% if independent and even`;
  return [head, ...lines].join("\n");
}
