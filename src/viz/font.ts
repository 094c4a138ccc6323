/** The font of all pictures (DejaVu Sans, from npm): where its files are, how wide its characters run, which it has. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export type FontWeight = "normal" | "bold";

export const fontFamily = "DejaVu Sans";

export const fontFiles = {
  get normal() {
    return fontFile("DejaVuSans.ttf");
  },
  get bold() {
    return fontFile("DejaVuSans-Bold.ttf");
  },
};

function fontFile(name: string): string {
  return createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}`);
}

/** Width of one line of text at `size` pixels per em, in pixels. Characters that the font lacks count as 1 em. */
export function textWidth(text: string, size: number, weight: FontWeight = "normal"): number {
  const { advance } = metrics(weight);
  let width = 0;
  for (const character of text) width += advance.get(character.codePointAt(0)!) ?? 1;
  return width * size;
}

export function hasGlyph(character: string): boolean {
  return metrics("normal").advance.has(character.codePointAt(0)!);
}

/** `text` cut to `width` pixels, with an ellipsis where something was cut off. */
export function fitText(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join("")}…`, size) > width) characters.pop();
  return `${characters.join("")}…`;
}

interface Metrics {
  /** Code point → advance width in em. */
  advance: Map<number, number>;
}
const metricsOf: { [weight in FontWeight]?: Metrics } = {};

function metrics(weight: FontWeight): Metrics {
  metricsOf[weight] ??= readMetrics(readFileSync(fontFiles[weight]));
  return metricsOf[weight];
}

/** Reads the tables head, hhea, hmtx and cmap (format 4) of a TrueType file (OpenType specification 1.9). */
function readMetrics(file: Buffer): Metrics {
  const tables = new Map<string, number>();
  for (let i = 0; i < file.readUInt16BE(4); i++) {
    const entry = 12 + 16 * i;
    tables.set(file.toString("latin1", entry, entry + 4), file.readUInt32BE(entry + 8));
  }
  const table = (name: string) => tables.get(name)!;
  const unitsPerEm = file.readUInt16BE(table("head") + 18);
  const longMetrics = file.readUInt16BE(table("hhea") + 34);
  const glyphAdvance = (glyph: number) =>
    file.readUInt16BE(table("hmtx") + 4 * Math.min(glyph, longMetrics - 1)) / unitsPerEm;

  const advance = new Map<number, number>();
  const cmap = unicodeSubtable(file, table("cmap"));
  const segments = file.readUInt16BE(cmap + 6) / 2;
  const ends = cmap + 14;
  const starts = ends + 2 * segments + 2;
  const deltas = starts + 2 * segments;
  const offsets = deltas + 2 * segments;
  for (let s = 0; s < segments; s++) {
    const end = file.readUInt16BE(ends + 2 * s);
    const delta = file.readUInt16BE(deltas + 2 * s);
    const offset = file.readUInt16BE(offsets + 2 * s);
    const start = file.readUInt16BE(starts + 2 * s);
    for (let code = start; code <= end && code !== 0xffff; code++) {
      let glyph = code;
      if (offset !== 0) glyph = file.readUInt16BE(offsets + 2 * s + offset + 2 * (code - start));
      if (offset === 0 || glyph !== 0) glyph = (glyph + delta) & 0xffff;
      if (glyph !== 0) advance.set(code, glyphAdvance(glyph));
    }
  }
  return { advance };
}

/** Where the subtable for the basic multilingual plane (platform 3, encoding 1) starts. */
function unicodeSubtable(file: Buffer, cmap: number): number {
  for (let i = 0; i < file.readUInt16BE(cmap + 2); i++) {
    const entry = cmap + 4 + 8 * i;
    if (file.readUInt16BE(entry) === 3 && file.readUInt16BE(entry + 2) === 1) {
      return cmap + file.readUInt32BE(entry + 4);
    }
  }
  throw new Error(`the font ${fontFamily} has no Unicode character map: reinstall dejavu-fonts-ttf`);
}
