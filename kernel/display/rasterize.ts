import { createRequire } from "node:module";

/** Longest SVG text for which a PNG is drawn, in UTF-16 units. */
const longest = 1024 * 1024;
/** Pixels per unit of the SVG, for sharp text on dense screens. */
const pixelsPerUnit = 2;

export interface DrawnPng {
  base64: string;
  /** In units of the SVG. */
  size: { width: number; height: number };
}

/** SVG text as a PNG; undefined for what is too long or cannot be read, which others may still be able to show. */
export function rasterize(svg: string): DrawnPng | undefined {
  if (svg.length > longest) return undefined;
  const require = createRequire(import.meta.url);
  try {
    const { Resvg } = require("@resvg/resvg-js") as typeof import("@resvg/resvg-js");
    const image = new Resvg(svg, {
      fitTo: { mode: "zoom", value: pixelsPerUnit },
      background: "white",
      font: {
        fontFiles: ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) =>
          require.resolve(`dejavu-fonts-ttf/ttf/${name}`),
        ),
        defaultFontFamily: "DejaVu Sans",
        sansSerifFamily: "DejaVu Sans",
      },
    }).render();
    const size = {
      width: Math.round(image.width / pixelsPerUnit),
      height: Math.round(image.height / pixelsPerUnit),
    };
    return { base64: Buffer.from(image.asPng()).toString("base64"), size };
  } catch {
    return undefined;
  }
}
