import { rasterize } from "./rasterize.js";
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

/** An SVG, with a PNG beside it: front ends do not show the former in notebooks that they do not trust. */
export function svgPicture(svg: string): ShownValue {
  // Elements of a page need no namespace; a picture of its own does.
  const whole = /\sxmlns=/.test(svg) ? svg : svg.replace(/<svg/i, '<svg xmlns="http://www.w3.org/2000/svg"');
  const shown = { "image/svg+xml": whole, "text/plain": "[SVG picture]" };
  const png = rasterize(whole);
  if (!png) return { data: shown, metadata: {} };
  const { base64, size } = png;
  const text = `[SVG picture, ${size.width} × ${size.height}]`;
  return { data: { ...shown, "image/png": base64, "text/plain": text }, metadata: { "image/png": size } };
}
