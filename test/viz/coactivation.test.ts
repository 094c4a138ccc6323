import { describe, expect, it } from "vitest";
import { coactivation } from "../../src/viz/index.js";
import { expectGoodPicture, svgWith } from "./rendering.js";

/** Experts 0 and 1 always go together, 2 with either half of the time, 3 is dead. */
const counts = [
  [
    [10, 10, 5, 0],
    [10, 10, 5, 0],
    [5, 5, 5, 0],
    [0, 0, 0, 0],
  ],
  [
    [4, 1, 1, 2],
    [1, 4, 2, 1],
    [1, 2, 4, 1],
    [2, 1, 1, 4],
  ],
];

describe("coactivation", () => {
  it("gives N_ij / N_i and what independent experts would have", () => {
    const { data } = coactivation({ counts });
    expect(data.share[0][0]).toEqual([1, 1, 0.5, 0]);
    expect(data.share[0][3]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    // Pairs of ordered experts per assignment, spread over the three others: k - 1 = 1 in layer 1.
    expect(data.expected[1]).toBeCloseTo(1 / 3, 12);
  });

  it("reads as text", () => {
    const [head, first] = coactivation({ counts, layers: ["a", "b"] }).text.split("\n");
    expect(head).toMatch(/layer a: 100% of the tokens of expert 0 also go to expert 1/);
    expect(first).toBe("expert   0  █▅▁");
  });

  it("is a good picture, whose slider chooses the layer", async () => {
    await expectGoodPicture(() => coactivation({ counts }));
    const { spec } = coactivation({ counts, layers: ["first", "second"] });
    const [one, other] = [await svgWith(spec, { layer: 0 }), await svgWith(spec, { layer: 1 })];
    expect(one).toContain("layer first");
    expect(other).toContain("layer second");
    const large = Array.from({ length: 64 }, (_, i) =>
      Array.from({ length: 64 }, (_, j) => (i === j ? 70 : (i * j) % 7)),
    );
    await expectGoodPicture(() => coactivation({ counts: [large] }));
  });

  it.each([
    [{ counts: [] }, "counts is empty"],
    [{ counts: [[[1, 2]]] }, "counts[0][0] has 2 values but counts[0] has 1"],
    [
      {
        counts: [
          [
            [4, 0],
            [0, 4],
          ],
        ],
      },
      "with one expert per token nothing is activated together",
    ],
    [{ counts: Array(3).fill(Array(128).fill(Array(128).fill(1))) }, "choose some layers"],
  ])("refuses %j", (options, message) => {
    expect(() => coactivation(options)).toThrow(message);
  });
});
