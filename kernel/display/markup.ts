import { createRequire } from "node:module";
import type { ShownValue } from "./shownValue.js";

/** An element of any DOM, such as a figure of Observable Plot: what it would look like in a page. */
export function element(value: any): ShownValue | undefined {
  const markup = value.outerHTML;
  if (typeof markup !== "string") return undefined;
  if (/^\s*<svg[\s>]/i.test(markup)) return svgPicture(markup);
  const name = typeof value.tagName === "string" ? value.tagName.toLowerCase() : "element";
  return { data: { "text/html": markup, "text/plain": `[HTML: ${name}]` }, metadata: {} };
}

/** A canvas of any implementation. */
export function canvas(value: any): ShownValue | undefined {
  if (typeof value.getContext !== "function" || typeof value.toDataURL !== "function") return undefined;
  const [, data] = /^data:image\/png;base64,(.+)$/.exec(String(value.toDataURL("image/png"))) ?? [];
  if (!data) return undefined;
  const { width, height } = value;
  const text = `[canvas, ${width} × ${height}]`;
  return { data: { "image/png": data, "text/plain": text }, metadata: { "image/png": { width, height } } };
}

/** Longest SVG text for which a PNG is drawn, in UTF-16 units. */
const longestDrawn = 1024 * 1024;
/** Pixels per unit of the SVG, for sharp text on dense screens. */
const pixelsPerUnit = 2;

/** An SVG, with a PNG beside it: front ends do not show the former in notebooks that they do not trust. */
export function svgPicture(svg: string): ShownValue {
  // Elements of a page need no namespace; a picture of its own does.
  const whole = /\sxmlns=/.test(svg) ? svg : svg.replace(/<svg/i, '<svg xmlns="http://www.w3.org/2000/svg"');
  const shown = { "image/svg+xml": whole, "text/plain": "[SVG picture]" };
  const png = whole.length <= longestDrawn ? drawn(whole) : undefined;
  if (!png) return { data: shown, metadata: {} };
  const { width, height, base64 } = png;
  const size = { width: Math.round(width / pixelsPerUnit), height: Math.round(height / pixelsPerUnit) };
  const text = `[SVG picture, ${size.width} × ${size.height}]`;
  return { data: { ...shown, "image/png": base64, "text/plain": text }, metadata: { "image/png": size } };
}

function drawn(svg: string): { width: number; height: number; base64: string } | undefined {
  const require = createRequire(import.meta.url);
  try {
    const { Resvg } = require("@resvg/resvg-js") as typeof import("@resvg/resvg-js");
    const image = new Resvg(svg, {
      fitTo: { mode: "zoom", value: pixelsPerUnit },
      background: "white",
      font: {
        fontFiles: [require.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf")],
        defaultFontFamily: "DejaVu Sans",
        sansSerifFamily: "DejaVu Sans",
      },
    }).render();
    const { width, height } = image;
    return { width, height, base64: Buffer.from(image.asPng()).toString("base64") };
  } catch {
    // What it cannot read or draw is shown by those who can.
    return undefined;
  }
}
