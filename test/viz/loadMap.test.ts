import { describe, expect, it } from "vitest";
import { balanceMeasures, loadMap } from "../../src/viz/index.js";
import { compile, expectGoodPicture } from "./rendering.js";

const counts = [
  [10, 20, 0, 10],
  [10, 10, 10, 10],
];

describe("loadMap", () => {
  it("gives u = N·E/(T·k), 1 where the load is fair and 0 where an expert is dead", () => {
    const { data } = loadMap({ counts, topK: 2 });
    expect(data.load).toEqual([
      [1, 2, 0, 1],
      [1, 1, 1, 1],
    ]);
    expect(data.dropped).toEqual([0, 0]);
    expect(data.balance[1]).toEqual({ cv: 0, maxVio: 0, diversity: 1, deadFraction: 0 });
  });

  it("measures against the tokens that were routed when these are given", () => {
    const { data, text } = loadMap({ counts: [[5, 5, 0, 10]], topK: 1, tokens: 25 });
    expect(data.load).toEqual([[0.8, 0.8, 0, 1.6]]);
    expect(data.dropped[0]).toBeCloseTo(0.2, 12);
    expect(text).toContain("20.0% dropped");
  });

  it("measures balance by the definitions", () => {
    const measures = balanceMeasures([10, 20, 0, 10]);
    expect(measures.cv).toBeCloseTo(Math.sqrt(50) / 10, 12);
    expect(measures.maxVio).toBeCloseTo(1, 12);
    const entropy = -(2 * 0.25 * Math.log(0.25) + 0.5 * Math.log(0.5));
    expect(measures.diversity).toBeCloseTo(Math.exp(entropy) / 4, 12);
    expect(measures.deadFraction).toBe(0.25);
    expect(balanceMeasures([8, 0, 0, 0]).diversity).toBeCloseTo(0.25, 12);
  });

  it("reads as text: half bars are fair, crosses are dead", () => {
    const [head, first, second] = loadMap({ counts, topK: 2 }).text.split("\n");
    expect(head).toBe("Expert load: 2 layers of 4 experts, top-2 · busiest 2.00 × fair · 1 dead");
    expect(first).toBe("layer 0 ▄█×▄ CV 0.71, 1 dead");
    expect(second).toBe("layer 1 ▄▄▄▄ CV 0.00");
  });

  it("is a good picture, small and large, from plain and typed arrays", async () => {
    await expectGoodPicture(() => loadMap({ counts, topK: 2, layers: ["encoder.1", "encoder.3"] }));
    await expectGoodPicture(() =>
      loadMap({ counts: [new Int32Array([3, 1, 8]), new Int32Array([4, 4, 4])], topK: 1 }),
    );
    const large = Array.from({ length: 40 }, (_, l) =>
      Array.from({ length: 128 }, (_, e) => (l * 5 + e * 7) % 23),
    );
    await expectGoodPicture(() => loadMap({ counts: large, topK: 8 }));
    expect(loadMap({ counts: [new BigInt64Array([3n, 5n])], topK: 1 }).data.counts).toEqual([[3, 5]]);
  });

  it("writes values into cells while there is room", () => {
    const texts = (experts: number) =>
      JSON.stringify(
        compile(loadMap({ counts: [Array.from({ length: experts }, (_, e) => e + 1)], topK: 1 }).spec),
      );
    expect(texts(16)).toContain(".2f");
    expect(texts(64)).not.toContain(".2f");
  });

  it.each([
    [{ counts: [], topK: 1 }, "counts is empty: expected one row per layer"],
    [{ counts: [[1, 2], [3]], topK: 1 }, "counts[1] has 1 values but counts[0] has 2"],
    [{ counts: [[1, -2]], topK: 1 }, "counts[0][1] must be a number of at least 0, got -2"],
    [{ counts: [[1, Number.NaN]], topK: 1 }, "counts[0][1] must be a number of at least 0, got NaN"],
    [{ counts: [[0, 0]], topK: 1 }, "counts[0] has no token at all"],
    [{ counts: [[1, 2]], topK: 3 }, "topK is 3 but counts has 2 experts"],
    [{ counts: [[1, 2]], topK: 1.5 }, "topK must be a whole number of at least 1, got 1.5"],
    [{ counts: [[1, 2]], topK: 1, tokens: 2 }, "counts[0] sums to 3, more than tokens × topK = 2"],
    [{ counts: [[1, 2]], topK: 1, layers: ["a", "b"] }, "layers has 2 values but counts has 1"],
    [{ counts: 7 as never, topK: 1 }, "counts must be an array (one row per layer), got 7"],
  ])("refuses %j", (options, message) => {
    expect(() => loadMap(options)).toThrow(message);
  });
});
