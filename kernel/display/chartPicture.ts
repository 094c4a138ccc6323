import { createRequire } from "node:module";

/** Longest specification, as JSON in UTF-16 units, that is drawn: drawing happens on the thread of the cell. */
const longest = 1024 * 1024;
/** Mean width of a character in em; Vega's own guess without a canvas is 0.8, which leaves legends half empty. */
const characterWidth = 0.6;

const silent = { level: quiet, error: quiet, warn: quiet, info: quiet, debug: quiet };
function quiet(this: unknown): unknown {
  return this;
}

/**
 * A chart as SVG text, drawn without a browser; undefined for one that has to load something, is large, or is faulty,
 * which front ends tell better. It takes some tens of milliseconds, half a second the first time.
 *
 * @param spec plain JSON
 */
export function chartSvg(spec: unknown, language: "vega" | "vega-lite"): string | undefined {
  const json = JSON.stringify(spec);
  if (json.length > longest || json.includes('"url":')) return undefined;
  const require = createRequire(import.meta.url);
  // Both have declarations that need those of a page.
  const vega = require("vega");
  const { textMetrics } = vega;
  const { width } = textMetrics;
  let view: any;
  try {
    textMetrics.width = (item: any, text: unknown) =>
      String(text ?? item.text ?? "").length * (item.fontSize ?? 11) * characterWidth;
    // Vega writes into the data that it is given.
    const own = JSON.parse(json);
    const compiled = language === "vega" ? own : require("vega-lite").compile(own, { logger: silent }).spec;
    view = new vega.View(vega.parse(compiled), { renderer: "none", logger: silent });
    view.run();
    const { left, right, top, bottom } = view.padding();
    const renderer = new vega.SVGStringRenderer(view.loader());
    renderer.initialize(
      null,
      view._viewWidth + left + right,
      view._viewHeight + top + bottom,
      view._origin,
      1,
    );
    return renderer.render(view.scenegraph().root).svg();
  } catch {
    return undefined;
  } finally {
    textMetrics.width = width;
    view?.finalize();
  }
}
