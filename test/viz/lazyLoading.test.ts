import { createRequire } from "node:module";
import { expect, it } from "vitest";
import { loadMap } from "../../src/viz/index.js";

const heavy = () =>
  Object.keys(createRequire(import.meta.url).cache).filter((file) =>
    /[\\/](vega|vega-lite|resvg-js)[\\/]/.test(file),
  );

it("loads vega and resvg only when a PNG is drawn", async () => {
  const picture = loadMap({ counts: [[1, 2]], topK: 1 });
  expect(picture.text).toContain("Expert load");
  expect(heavy()).toEqual([]);
  await picture.png();
  expect(heavy().length).toBeGreaterThanOrEqual(3);
});
