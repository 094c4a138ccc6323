/** What every picture is: its numbers, a Vega-Lite spec, a PNG and a text version, shown together as one output. */
import { type Displayable, type DisplayData, displaySymbol } from "../host.js";
import { drawSvg } from "./drawing.js";
import { pixelsPerUnit, type RasterImage, rasterize } from "./raster.js";

/** A Vega-Lite 5 specification with its data inside: plain JSON, valid in Vega-Lite 5.6.1. */
export interface VegaLiteSpec {
  readonly $schema: string;
  readonly [property: string]: unknown;
}

/**
 * A picture of numbers. In a notebook it shows itself (live in JupyterLab and VS Code, as a PNG elsewhere); in a
 * terminal its `text` is printed. The same input gives the same bytes.
 */
export class Picture<Data = unknown> implements Displayable {
  /** The numbers that are shown, as they were defined, not as they were rounded for display. */
  readonly data: Data;
  readonly spec: VegaLiteSpec;
  /** A line that says what is shown and a small picture from block characters, readable without colour. */
  readonly text: string;
  #image: Promise<RasterImage> | undefined;

  constructor(parts: { data: Data; spec: VegaLiteSpec; text: string }) {
    this.data = parts.data;
    this.spec = parts.spec;
    this.text = parts.text;
  }

  /** The picture as the text of an SVG file, for papers and slides. */
  svg(): Promise<string> {
    return drawSvg(this.spec);
  }

  /** The picture as the bytes of a PNG file, with two pixels per unit of length of the spec. */
  async png(): Promise<Uint8Array> {
    return (await this.#draw()).png;
  }

  /**
   * Vega-Lite for clients that draw it, PNG for those that do not, text for terminals. No HTML and no SVG: the first
   * hides the live picture in JupyterLab, the second makes VS Code's restricted mode show nothing.
   */
  async [displaySymbol](): Promise<DisplayData> {
    const bundle = { "application/vnd.vegalite.v5+json": this.spec, "text/plain": this.text };
    try {
      const { png, width, height } = await this.#draw();
      return {
        data: { ...bundle, "image/png": Buffer.from(png).toString("base64") },
        metadata: { "image/png": { width: width / pixelsPerUnit, height: height / pixelsPerUnit } },
      };
    } catch (error) {
      // A missing native module must not hide the numbers.
      const reason = error instanceof Error ? error.message : String(error);
      return { data: { ...bundle, "text/plain": `${this.text}\n(PNG could not be drawn: ${reason})` } };
    }
  }

  toString(): string {
    return this.text;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.text;
  }

  #draw(): Promise<RasterImage> {
    this.#image ??= this.svg().then((svg) => rasterize(svg));
    return this.#image;
  }
}
