import { chartSvg } from "./chartPicture.js";
import { rasterize } from "./rasterize.js";
import type { ShownValue } from "./shownValue.js";

const schema = /^https?:\/\/vega\.github\.io\/schema\/(vega|vega-lite)\/v(\d+)[\d.]*\.json$/;

/** The newest major version that front ends know; they draw later specifications under its name. */
const newest = 5;

/**
 * A Vega or Vega-Lite specification, which says so in its `$schema`, with a PNG for those who draw none; undefined for
 * anything else.
 */
export function chart(value: any): ShownValue | undefined {
  const found = typeof value.$schema === "string" && schema.exec(value.$schema);
  if (!found) return undefined;
  const language = found[1] as "vega" | "vega-lite";
  const mime = `application/vnd.${language.replace("-", "")}.v${Math.min(Number(found[2]), newest)}+json`;
  const spec = asJson(value);
  const data = { [mime]: spec, "text/plain": summary(value, language) };
  const svg = chartSvg(spec, language);
  const png = svg && rasterize(svg);
  if (!png) return { data, metadata: {} };
  return { data: { ...data, "image/png": png.base64 }, metadata: { "image/png": png.size } };
}

/** Data from Arrow holds 64-bit integers, which JSON lacks. */
function asJson(spec: object): unknown {
  return JSON.parse(JSON.stringify(spec, (_, each) => (typeof each === "bigint" ? Number(each) : each)));
}

/** Shown by clients that draw no charts. */
function summary(spec: any, language: string): string {
  const name = language === "vega" ? "Vega chart" : "Vega-Lite chart";
  const mark = typeof spec.mark === "string" ? spec.mark : spec.mark?.type;
  const title = typeof spec.title === "string" ? spec.title : spec.title?.text;
  const rows = Array.isArray(spec.data?.values) ? `${spec.data.values.length} rows` : undefined;
  const details = [title && JSON.stringify(title), mark, rows].filter((each) => typeof each === "string");
  return `[${[name, ...details].join(", ")}]`;
}
