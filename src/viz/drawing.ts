/** Vega-Lite spec → SVG text. Vega is loaded at the first drawing: it takes about 100 ms. */
import { createRequire } from "node:module";
import { textWidth } from "./font.js";
import type { VegaLiteSpec } from "./picture.js";

/** The part of vega and vega-lite that is used here; their own declarations need the DOM's types. */
interface Vega {
  parse(spec: unknown): unknown;
  View: new (
    runtime: unknown,
    options: { renderer: "none" },
  ) => { toSVG(): Promise<string>; finalize(): void };
  textMetrics: { width: (item: TextItem, text: unknown) => number };
}
interface VegaLite {
  compile(spec: unknown): { spec: unknown };
}
interface TextItem {
  fontSize?: number;
  fontWeight?: string | number;
  text?: unknown;
}

let loaded: { vega: Vega; vegaLite: VegaLite } | undefined;

function loadVega() {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  const vega = require("vega") as Vega;
  const vegaLite = require("vega-lite") as VegaLite;
  // Without a canvas Vega guesses 0.8 em per character, which leaves legends and axes half empty.
  vega.textMetrics.width = (item, text) => {
    const shown = text ?? item.text;
    if (shown === null || shown === undefined) return 0;
    const bold = item.fontWeight === "bold" || Number(item.fontWeight) >= 600;
    return textWidth(String(shown), item.fontSize ?? 11, bold ? "bold" : "normal");
  };
  loaded = { vega, vegaLite };
  return loaded;
}

export async function drawSvg(spec: VegaLiteSpec): Promise<string> {
  const { vega, vegaLite } = loadVega();
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
