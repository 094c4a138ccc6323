import { Resvg } from "@resvg/resvg-js";
import { describe, expect, it } from "vitest";
import { imageKind } from "../../../kernel/display/imageBytes.js";
import { inspected } from "../../../kernel/display/inspected.js";
import { checkedBundle } from "../../../kernel/display/mimeBundle.js";
import { type ShownValue, shownValue } from "../../../kernel/display/shownValue.js";

const shown = (value: unknown) => shownValue(value) as ShownValue;
const svg = '<svg width="40" height="30"><rect width="40" height="30" fill="#ff0000"/></svg>';

describe("values of known kinds", () => {
  it("charts get the mime type of their schema, of the newest that front ends know", () => {
    const spec = (language: string, version: string) => ({
      $schema: `https://vega.github.io/schema/${language}/v${version}.json`,
      mark: { type: "bar" },
      title: "load",
      data: { values: [{ experts: 8n }] },
    });
    for (const [language, version, mime] of [
      ["vega-lite", "5", "application/vnd.vegalite.v5+json"],
      ["vega-lite", "4.17.0", "application/vnd.vegalite.v4+json"],
      ["vega-lite", "6", "application/vnd.vegalite.v5+json"],
      ["vega", "6.1", "application/vnd.vega.v5+json"],
    ]) {
      const { data } = shown(spec(language, version));
      expect(Object.keys(data).slice(0, 2)).toEqual([mime, "text/plain"]);
      expect((data[mime] as any).data.values).toEqual([{ experts: 8 }]);
    }
    expect(shown(spec("vega-lite", "5")).data["text/plain"]).toBe('[Vega-Lite chart, "load", bar, 1 rows]');
    const schema = { $schema: "https://json-schema.org/draft/2020-12/schema" };
    expect(Object.keys(shown(schema).data)).toEqual(["text/plain"]);
  });

  it("charts have a PNG, unless they load something", () => {
    const spec = {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      width: 300,
      height: 100,
      mark: "bar",
      data: { values: [{ expert: 0, load: 2 }] } as object,
      encoding: { x: { field: "expert" }, y: { field: "load", type: "quantitative" } },
    };
    const { data, metadata } = shown(spec);
    const { width, height } = (metadata as any)["image/png"];
    expect(width).toBeGreaterThan(300);
    expect(imageKind(Buffer.from(data["image/png"] as string, "base64"))).toEqual({
      mime: "image/png",
      width: 2 * width,
      height: 2 * height,
    });
    expect(Object.keys(shown({ ...spec, data: { url: "load.csv" } }).data)).not.toContain("image/png");
    expect(Object.keys(shown({ ...spec, encoding: 7 }).data)).toContain("application/vnd.vegalite.v5+json");
  });

  it("elements are their markup; those of SVG have a PNG of their size, for front ends that distrust the rest", () => {
    expect(shown({ outerHTML: "<figure>1</figure>", tagName: "FIGURE" }).data).toEqual({
      "text/html": "<figure>1</figure>",
      "text/plain": "[HTML: figure]",
    });
    const { data, metadata } = shown({ outerHTML: svg });
    expect(data["image/svg+xml"]).toContain('xmlns="http://www.w3.org/2000/svg"');
    expect(metadata).toEqual({ "image/png": { width: 40, height: 30 } });
    expect(imageKind(Buffer.from(data["image/png"] as string, "base64"))).toEqual({
      mime: "image/png",
      width: 80,
      height: 60,
    });
    expect(Object.keys(shown({ outerHTML: "<svg no picture" }).data)).toEqual([
      "image/svg+xml",
      "text/plain",
    ]);
  });

  it("bytes of image files are images of their size", () => {
    const png = new Resvg(svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')).render().asPng();
    expect(shown(png)).toEqual({
      data: { "image/png": png.toString("base64"), "text/plain": "[PNG image, 40 × 30]" },
      metadata: { "image/png": { width: 40, height: 30 } },
    });
    expect(imageKind(Buffer.from("GIF89a\x02\x01\x03\x00\0\0\0", "latin1"))).toEqual({
      mime: "image/gif",
      width: 258,
      height: 3,
    });
    const jpeg = "ffd8 ffe0 0004 0000 ffc0 0011 08 0102 0304 0301220002110103110100";
    expect(imageKind(Buffer.from(jpeg.replaceAll(" ", ""), "hex"))).toEqual({
      mime: "image/jpeg",
      width: 0x304,
      height: 0x102,
    });
    const webp = Buffer.concat([
      Buffer.from("RIFF\0\0\0\0WEBPVP8X"),
      Buffer.alloc(8),
      Buffer.from("630000c70000", "hex"),
    ]);
    expect(imageKind(webp)).toEqual({ mime: "image/webp", width: 100, height: 200 });
    expect(imageKind(Buffer.from("\x89PNG\r\n\x1a\n", "latin1"))).toBeUndefined();
    expect(shown(Uint8Array.of(1, 2)).data).toEqual({ "text/plain": "Uint8Array(2) [ 1, 2 ]" });
  });

  it("what only looks like one, or throws when looked at, is text", () => {
    const thrower = new Proxy({ a: 1 }, { get: () => { throw new Error("trap"); } }); // biome-ignore format: one line
    expect(shown(thrower).data).toEqual({ "text/plain": "{ a: 1 }" });
    const faulty = { schema: { fields: [{}] }, numRows: 1, getChildAt: () => null };
    expect(Object.keys(shown(faulty).data)).toEqual(["text/plain"]);
    class Unprintable {
      [Symbol.for("nodejs.util.inspect.custom")]() {
        throw new RangeError("no text");
      }
    }
    expect(shown(new Unprintable()).data["text/plain"]).toBe(
      "Unprintable {}\n(printing it failed with RangeError: no text)",
    );
  });
});

describe("text of values", () => {
  it("is Node's for all that is of sensible size", () => {
    class Gate {
      experts = 8;
      load = new Map([["a", { b: { c: { d: 1 } } }]]);
    }
    expect(inspected(new Gate())).toBe("Gate { experts: 8, load: Map(1) { 'a' => { b: [Object] } } }");
    expect(inspected([null, undefined, 1n, () => 1, class A {}])).toBe(
      "[ null, undefined, 1n, [Function (anonymous)], [class A] ]",
    );
  });

  it("stays short for what is wide, deep, long or a ring", () => {
    const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at]));
    expect(inspected(wide)).toMatch(/k39: 39\s+\}\n… 19,960 more properties$/);
    const many = (length: number, item: (at: number) => unknown) =>
      Array.from({ length }, (_, at) => item(at));
    const matrix = many(200, () => many(100, () => many(20, () => ({ x: 1 }))));
    expect(inspected(matrix)).toContain("... 94 more items");
    for (const value of [
      matrix,
      many(300, () => wide),
      new Map([[1, wide]]),
      new Set([wide]),
      "x".repeat(1e6),
    ]) {
      expect(inspected(value).length).toBeLessThan(110_000);
    }
    const ring: { self?: unknown } = {};
    ring.self = ring;
    expect(inspected(ring)).toBe("<ref *1> { self: [Circular *1] }");
  });

  it("runs no getters", () => {
    const value = {
      get bomb(): never {
        throw new Error("looked");
      },
    };
    expect(inspected(value)).toBe("{ bomb: [Getter] }");
  });
});

describe("a mime bundle", () => {
  it("may hold bytes and lines, and leaves out what is undefined", () => {
    const bundle = {
      "image/png": Uint8Array.of(1, 2, 3),
      "text/plain": ["a\n", "b"],
      "text/html": undefined,
    };
    expect(checkedBundle(bundle, "display")).toEqual({ "image/png": "AQID", "text/plain": "a\nb" });
  });

  it.each([
    [{ "text/plain": 7 }, 'expected "text/plain" of the bundle to be a string, got 7'],
    [{ "image/png": 7 }, "bytes or a base64 string, got 7"],
    [{ "application/json": { a: 1n } }, 'expected "application/json" of the bundle to be JSON'],
    [{ text: "x" }, 'expected mime types such as "text/html" as keys of the bundle, got "text"'],
    ["text", 'expected a mime bundle such as { "text/plain": "…" }, got \'text\''],
  ])("%o is none: the error says why", (bundle, message) => {
    expect(() => checkedBundle(bundle, "display")).toThrow(message);
  });

  it("is checked when a value's own method gives it, at once or later", async () => {
    const key = Symbol.for("Jupyter.display");
    expect(() => shownValue({ [key]: () => ({ data: { x: 1 } }) })).toThrow(
      '[Symbol.for("Jupyter.display")]()',
    );
    await expect(shownValue({ [key]: async () => ["a"] })).rejects.toThrow("expected a mime bundle");
    expect(shownValue({ [key]: () => undefined, a: 1 })).toMatchObject({
      data: { "text/plain": expect.stringContaining("a: 1") },
    });
  });
});
