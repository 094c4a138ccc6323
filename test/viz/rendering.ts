/** What a picture becomes: Vega-Lite's warnings, the scene after a slider moved, the pixels of a PNG. */
import { createRequire } from "node:module";
import { inflateSync } from "node:zlib";
import { expect } from "vitest";
import { displaySymbol, isDisplayData } from "../../src/host.js";
import type { Picture, VegaLiteSpec } from "../../src/viz/index.js";

const require = createRequire(import.meta.url);
const vega = require("vega");
const vegaLite = require("vega-lite");

export function compile(spec: VegaLiteSpec): { vega: object; warnings: string[] } {
  const warnings: string[] = [];
  const logger = {
    level: () => logger,
    error: (...parts: unknown[]) => logger.warn(...parts),
    warn: (...parts: unknown[]) => {
      warnings.push(parts.join(" "));
      return logger;
    },
    info: () => logger,
    debug: () => logger,
  };
  return { vega: vegaLite.compile(spec, { logger }).spec, warnings };
}

/** The picture after its parameters were set, as a reader does with the sliders. */
export async function svgWith(spec: VegaLiteSpec, signals: { [name: string]: unknown }): Promise<string> {
  const view = new vega.View(vega.parse(compile(spec).vega), { renderer: "none" });
  for (const [name, value] of Object.entries(signals)) view.signal(name, value);
  return view.toSVG();
}

export interface Pixels {
  width: number;
  height: number;
  colours: number;
}

/** Size and number of different colours of an 8-bit RGBA PNG. */
export function readPng(png: Uint8Array): Pixels {
  const file = Buffer.from(png);
  expect(file.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  expect([file[24], file[25]]).toEqual([8, 6]);
  const parts: Buffer[] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const rows = inflateSync(Buffer.concat(parts));
  const stride = 4 * width;
  const colours = new Set<number>();
  let above = Buffer.alloc(stride);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)];
    const row = Buffer.from(rows.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let x = 0; x < stride; x++) {
      const [left, up, corner] = [x < 4 ? 0 : row[x - 4], above[x], x < 4 ? 0 : above[x - 4]];
      const guess = left + up - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      row[x] += [0, left, up, (left + up) >> 1, paeth][filter];
    }
    for (let x = 0; x < stride; x += 4) colours.add(row.readUInt32BE(x));
    above = row;
  }
  return { width, height, colours: colours.size };
}

/** Everything that holds for any picture. `make` is called twice: the same input must give the same bytes. */
export async function expectGoodPicture(make: () => Picture): Promise<void> {
  const [picture, again] = [make(), make()];
  expect(compile(picture.spec).warnings).toEqual([]);
  expect(JSON.parse(JSON.stringify(picture.spec))).toEqual(picture.spec);
  expect(again.text).toBe(picture.text);
  expect(JSON.stringify(again.spec)).toBe(JSON.stringify(picture.spec));
  const png = await picture.png();
  expect(Buffer.compare(png, await again.png())).toBe(0);
  const { width, height, colours } = readPng(png);
  expect(width).toBeGreaterThan(600);
  expect(width).toBeLessThan(1400);
  expect(colours).toBeGreaterThan(20);

  const shown = await picture[displaySymbol]();
  if (!isDisplayData(shown)) throw new Error("a picture has metadata");
  expect(Object.keys(shown.data).sort()).toEqual([
    "application/vnd.vegalite.v5+json",
    "image/png",
    "text/plain",
  ]);
  expect(shown.data["image/png"]).toBe(Buffer.from(png).toString("base64"));
  expect(shown.metadata).toEqual({ "image/png": { width: width / 2, height: height / 2 } });
  for (const line of picture.text.split("\n")) expect(line).toBe(line.trimEnd());
}
