/** SVG text → PNG bytes, with the shipped font, so that a picture is the same on every machine. */
import { createRequire } from "node:module";
import { fontFamily, fontFiles, hasGlyph } from "./font.js";

export interface RasterImage {
  png: Uint8Array;
  /** In pixels. */
  width: number;
  height: number;
}

/** Pixels per SVG unit: two, for sharp text on dense screens. */
export const pixelsPerUnit = 2;

type Resvg = typeof import("@resvg/resvg-js");
let resvg: Resvg | undefined;

export function rasterize(svg: string, scale: number = pixelsPerUnit): RasterImage {
  resvg ??= createRequire(import.meta.url)("@resvg/resvg-js") as Resvg;
  const image = new resvg.Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "white",
    font: {
      fontFiles: svg.includes("bold") ? [fontFiles.normal, fontFiles.bold] : [fontFiles.normal],
      // Tokens may hold characters that the shipped font lacks (CJK, emoji): only then ask the machine's fonts.
      loadSystemFonts: !hasEveryGlyph(svg),
      defaultFontFamily: fontFamily,
      sansSerifFamily: fontFamily,
    },
  }).render();
  return { png: image.asPng(), width: image.width, height: image.height };
}

function hasEveryGlyph(svg: string): boolean {
  for (const character of svg.match(/[^\p{ASCII}]/gu) ?? []) if (!hasGlyph(character)) return false;
  return true;
}
