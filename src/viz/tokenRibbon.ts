/** Token ribbon: a text whose tokens carry the colour of the expert that the gate sent them to. */
import { pictureWidth, vegaLiteSpec } from "./appearance.js";
import { checkList, checkMatrix, checkNumber, checkSameLength, type NumberList } from "./arguments.js";
import { expertColours, inkOn } from "./colours.js";
import { textWidth } from "./font.js";
import { Picture } from "./picture.js";
import { type LineMeasures, setTokenLines, visibleToken } from "./tokenLines.js";

export interface TokenRibbonOptions {
  /** The text of each token, decoded (spaces and line feeds as they are). At most 4,000. */
  tokens: ArrayLike<string>;
  /** layer × token × k: the experts chosen for a token, numbers from 0. */
  experts: ArrayLike<ArrayLike<NumberList>>;
  /** layer × token × k: the gate values of these experts, in any order of size. */
  weights: ArrayLike<ArrayLike<NumberList>>;
  /** E, the experts per layer. Default: the largest number in `experts` plus one. */
  expertCount?: number;
  /** Which layers can be chosen, as indices into `experts`; the first is the one that the PNG shows. Default: all. */
  layers?: readonly number[];
  /** Width of the lines in pixels at 1x. Default 620. */
  width?: number;
  title?: string;
}

export interface TokenRibbonData {
  tokens: string[];
  expertCount: number;
  layers: number[];
  /** shown layer × token × k, strongest first. */
  experts: number[][][];
  /** shown layer × token × k, strongest first. */
  weights: number[][][];
}

const mostTokens = 4000;
const fontSize = 12;
const boxHeight = 30;
const linePitch = 35;

/**
 * Text in lines, each token a box in the colour of its strongest expert, with the expert's number under it. In live
 * clients a slider chooses the layer, another the rank among the k experts, a click in the legend picks out an expert
 * and the pointer reads all k experts and gate values of a token.
 *
 * Characters that the shipped font lacks (CJK, emoji) need a font of the machine in the PNG; live clients have theirs.
 *
 * @throws when the three arrays do not have the shapes above or hold anything but experts and finite gate values
 */
export function tokenRibbon(options: TokenRibbonOptions): Picture<TokenRibbonData> {
  const data = rankRouting(options);
  const width = checkNumber("width", options.width ?? pictureWidth - 20, { min: 100 });
  const spec = ribbonSpec(data, width, options.title ?? "Tokens by expert");
  return new Picture({ data, spec, text: ribbonText(data) });
}

function rankRouting(options: TokenRibbonOptions): TokenRibbonData {
  const tokens = checkList("tokens", options.tokens, "one string per token");
  tokens.forEach((token, t) => {
    if (typeof token !== "string") {
      throw new TypeError(`tokens[${t}] must be a string, got ${typeof token}: decode token ids first`);
    }
  });
  if (tokens.length > mostTokens) {
    throw new RangeError(
      `tokens has ${tokens.length} entries, more than ${mostTokens} cannot be read in one picture: pass a slice`,
    );
  }
  const experts = checkRouting("experts", options.experts, tokens, { min: 0, integer: true });
  const weights = checkRouting("weights", options.weights, tokens, {});
  checkSameLength({ experts, weights }, "one entry per layer");
  experts.forEach((layer, l) => {
    const lists = { [`experts[${l}][0]`]: layer[0], [`weights[${l}][0]`]: weights[l][0] };
    checkSameLength(lists, "k values per token");
  });

  const largest = experts.reduce((max, layer) => Math.max(max, ...layer.map((row) => Math.max(...row))), 0);
  const expertCount = options.expertCount ?? largest + 1;
  checkNumber("expertCount", expertCount, { min: 1, integer: true });
  if (largest >= expertCount) {
    throw new RangeError(
      `experts holds number ${largest}, expected numbers below expertCount ${expertCount}`,
    );
  }
  const layers = options.layers ? [...options.layers] : experts.map((_, l) => l);
  checkList("layers", layers, "layers to show");
  for (const layer of layers) {
    if (!(layer in experts)) {
      throw new RangeError(`layers names layer ${layer}, but experts has layers 0 to ${experts.length - 1}`);
    }
  }

  const order = layers.map((l) =>
    weights[l].map((row) => row.map((_, i) => i).sort((a, b) => row[b] - row[a] || a - b)),
  );
  const ranked = (values: number[][][]) =>
    layers.map((l, i) => values[l].map((row, t) => order[i][t].map((at) => row[at])));
  return { tokens, expertCount, layers, experts: ranked(experts), weights: ranked(weights) };
}

function checkRouting(
  name: string,
  value: ArrayLike<ArrayLike<NumberList>>,
  tokens: string[],
  rule: { min?: number; integer?: boolean },
): number[][][] {
  return checkList(name, value, "one entry per layer").map((layer, l) => {
    const rows = checkMatrix(`${name}[${l}]`, layer, { row: "token", column: "chosen expert" }, rule);
    checkSameLength({ tokens, [`${name}[${l}]`]: rows }, "one entry per token");
    return rows;
  });
}

function ribbonSpec(data: TokenRibbonData, width: number, title: string) {
  const { tokens, expertCount, layers, experts, weights } = data;
  const k = experts[0][0].length;
  const colours = expertColours(expertCount);
  const measures: LineMeasures = {
    width,
    fontSize,
    padding: 3,
    gap: 1,
    smallest: textWidth("0".repeat(String(expertCount - 1).length), 8) + 4,
  };
  const { boxes, lines } = setTokenLines(tokens, measures);
  const height = lines * linePitch;

  // One row per token: the spec of a long text with many layers stays a few hundred kilobytes.
  const values = boxes.map((box, t) => ({
    position: t,
    token: box.shown,
    left: box.x,
    right: box.x + box.width,
    top: box.line * linePitch,
    bottom: box.line * linePitch + boxHeight,
    experts: experts.map((layer) => layer[t]),
    weights: weights.map((layer) => layer[t].map((weight) => Number(weight.toPrecision(4)))),
  }));

  const consecutive = layers.every((layer, i) => layer === layers[0] + i);
  const layerBinding = consecutive
    ? { input: "range", min: layers[0], max: layers[layers.length - 1], step: 1, name: "layer " }
    : { input: "select", options: layers, name: "layer " };
  const used = new Set(experts.flat(2));
  const fixedScale = { nice: false, zero: false };
  const across = { type: "quantitative", scale: { domain: [0, width], ...fixedScale }, axis: null };
  const down = {
    type: "quantitative",
    scale: { domain: [0, height], reverse: true, ...fixedScale },
    axis: null,
  };
  const centre = { x: { field: "middle", ...across } };
  const readable = { color: { field: "ink", type: "nominal", scale: null } };
  const dimmed = { condition: { param: "pinned", value: 1 }, value: 0.12 };
  const tooltip = [
    { field: "token", type: "nominal", title: "token" },
    { field: "position", type: "quantitative", title: "position" },
    { field: "routing", type: "nominal", title: "experts and gate values" },
  ];
  const labelWidth = textWidth(String(expertCount - 1), 10) + 24;

  return vegaLiteSpec(
    {
      title: { expr: titleExpression(title, k) },
      subtitle: ribbonSummary(data),
    },
    {
      width,
      height,
      params: [
        { name: "layer", value: layers[0], ...(layers.length > 1 ? { bind: layerBinding } : {}) },
        {
          name: "rank",
          value: 1,
          ...(k > 1 ? { bind: { input: "range", min: 1, max: k, step: 1, name: "choice " } } : {}),
        },
      ],
      data: { values },
      transform: [
        { calculate: `indexof(${JSON.stringify(layers)}, layer)`, as: "shownLayer" },
        { calculate: "datum.experts[datum.shownLayer][rank - 1]", as: "expert" },
        { calculate: `${JSON.stringify(colours.map(inkOn))}[datum.expert]`, as: "ink" },
        { calculate: "(datum.left + datum.right) / 2", as: "middle" },
        { calculate: routingText(k), as: "routing" },
      ],
      layer: [
        {
          params: [{ name: "pinned", select: { type: "point", fields: ["expert"] }, bind: "legend" }],
          mark: { type: "rect", cornerRadius: 3 },
          encoding: {
            x: { field: "left", ...across },
            x2: { field: "right" },
            y: { field: "top", ...down },
            y2: { field: "bottom" },
            color: {
              field: "expert",
              type: "nominal",
              scale: { domain: colours.map((_, e) => e), range: colours },
              legend: {
                title: "expert",
                values: colours.map((_, e) => e).filter((e) => used.has(e)),
                orient: "bottom",
                direction: "horizontal",
                columns: Math.max(1, Math.floor((width - 20) / labelWidth)),
                columnPadding: 6,
                rowPadding: 1,
                symbolType: "square",
                symbolSize: 90,
                symbolStrokeWidth: 0,
                symbolLimit: 1024,
                titleOrient: "top",
                offset: 4,
              },
            },
            opacity: dimmed,
            tooltip,
          },
        },
        {
          mark: { type: "text", fontSize, baseline: "middle", dy: 11 },
          encoding: {
            ...centre,
            y: { field: "top", ...down },
            text: { field: "token", type: "nominal" },
            ...readable,
            opacity: dimmed,
            tooltip,
          },
        },
        {
          mark: { type: "text", fontSize: 8, baseline: "middle", dy: -6 },
          encoding: {
            ...centre,
            y: { field: "bottom", ...down },
            text: { field: "expert", type: "nominal" },
            ...readable,
            opacity: dimmed,
            tooltip,
          },
        },
      ],
    },
  );
}

/** Vega expression: the title follows the sliders. */
function titleExpression(title: string, k: number): string {
  return `${JSON.stringify(`${title} · layer `)} + layer${k > 1 ? " + ', choice ' + rank" : ""}`;
}

/** Vega expression: "3: 0.612, 11: 0.388". */
function routingText(k: number): string {
  return Array.from(
    { length: k },
    (_, r) =>
      `datum.experts[datum.shownLayer][${r}] + ': ' + format(datum.weights[datum.shownLayer][${r}], '.3f')`,
  ).join(" + ', ' + ");
}

function ribbonSummary({ tokens, layers, expertCount, experts }: TokenRibbonData): string {
  const k = experts[0][0].length;
  return `${tokens.length} tokens · ${layers.length} ${layers.length === 1 ? "layer" : "layers"} · top-${k} of ${expertCount} experts`;
}

const textColumns = 80;
const mostTextLines = 12;
const subscripts = "₀₁₂₃₄₅₆₇₈₉";

/** Each token followed by its strongest expert as a subscript. */
function ribbonText(data: TokenRibbonData): string {
  const lines: string[] = [""];
  data.tokens.forEach((token, t) => {
    const expert = String(data.experts[0][t][0]).replace(/\d/g, (digit) => subscripts[Number(digit)]);
    const word = `${visibleToken(token)}${expert} `;
    if (lines[lines.length - 1].length + word.length > textColumns) lines.push("");
    lines[lines.length - 1] += word;
    if (token.endsWith("\n") && t < data.tokens.length - 1) lines.push("");
  });
  const head = `Tokens by expert: ${ribbonSummary(data)}; layer ${data.layers[0]}, strongest expert below each token`;
  const rest = lines.length > mostTextLines ? [`… ${lines.length - mostTextLines} more lines`] : [];
  return [head, ...lines.slice(0, mostTextLines).map((line) => line.trimEnd()), ...rest].join("\n");
}
