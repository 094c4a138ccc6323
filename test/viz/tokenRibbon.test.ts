import { describe, expect, it } from "vitest";
import { expertColours, inkOn } from "../../src/viz/colours.js";
import { textWidth } from "../../src/viz/font.js";
import { tokenRibbon } from "../../src/viz/index.js";
import { setTokenLines, visibleToken } from "../../src/viz/tokenLines.js";
import { expectGoodPicture, svgWith } from "./rendering.js";

const tokens = ["The", " gate", " sends", "\n", "日本", " <b>&amp;"];
const routing = {
  experts: [
    [
      [1, 0],
      [2, 3],
      [0, 1],
      [3, 1],
      [0, 2],
      [1, 2],
    ],
    [
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 2],
    ],
  ],
  weights: [
    [
      [0.6, 0.4],
      [0.1, 0.9],
      [0.5, 0.5],
      [0.7, 0.3],
      [0.8, 0.2],
      [0.9, 0.1],
    ],
    [
      [0.3, 0.1],
      [0.3, 0.1],
      [0.3, 0.1],
      [0.3, 0.1],
      [0.3, 0.1],
      [0.3, 0.1],
    ],
  ],
};

describe("tokenRibbon", () => {
  it("orders the experts of a token by gate value; equal ones keep their order", () => {
    const { data } = tokenRibbon({ tokens, ...routing });
    expect(data.experts[0].slice(0, 3)).toEqual([
      [1, 0],
      [3, 2],
      [0, 1],
    ]);
    expect(data.weights[0][1]).toEqual([0.9, 0.1]);
    expect(data.expertCount).toBe(4);
  });

  it("reads as text: white-space visible, the strongest expert as a subscript", () => {
    const [head, ...lines] = tokenRibbon({ tokens, ...routing, expertCount: 16 }).text.split("\n");
    expect(head).toContain("6 tokens · 2 layers · top-2 of 16 experts; layer 0");
    expect(lines).toEqual(["The₁ ·gate₃ ·sends₀ ⏎₃", "日本₀ ·<b>&amp;₁"]);
  });

  it("follows the sliders", async () => {
    const { spec } = tokenRibbon({ tokens, ...routing, layers: [1, 0], title: 'It\'s "here"' });
    const at = (layer: number, rank: number) => svgWith(spec, { layer, rank });
    const first = await at(1, 1);
    expect(first).toContain('It\'s "here" · layer 1, choice 1');
    expect(first).toContain(">·gate</text>");
    expect(await at(0, 2)).toContain("layer 0, choice 2");
    const numbers = (svg: string) =>
      [...svg.matchAll(/font-size="8px"[^>]*>(\d+)<\/text>/g)].map((match) => Number(match[1]));
    expect(numbers(first)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(numbers(await at(0, 1))).toEqual([1, 3, 0, 3, 0, 1]);
    expect(numbers(await at(0, 2))).toEqual([0, 2, 1, 1, 2, 2]);
  });

  it("is a good picture with few and with many experts", async () => {
    await expectGoodPicture(() => tokenRibbon({ tokens, ...routing }));
    const many = Array.from({ length: 100 }, (_, t) => [t % 64]);
    const weights = many.map(() => [1]);
    await expectGoodPicture(() =>
      tokenRibbon({ tokens: many.map((_, t) => ` t${t}`), experts: [many], weights: [weights] }),
    );
  });

  it.each([
    [{ tokens: [], experts: [], weights: [] }, "tokens is empty"],
    [
      { tokens: ["a"], experts: [[[0]]], weights: [[[0.5, 0.5]]] },
      "weights[0][0] has 2 values but experts[0][0] has 1",
    ],
    [{ tokens: ["a", "b"], experts: [[[0]]], weights: [[[1]]] }, "experts[0] has 1 values but tokens has 2"],
    [
      { tokens: ["a"], experts: [[[-1]]], weights: [[[1]]] },
      "experts[0][0][0] must be a whole number of at least 0",
    ],
    [
      { tokens: ["a"], experts: [[[0]]], weights: [[[Number.NaN]]] },
      "weights[0][0][0] must be a number, got NaN",
    ],
    [{ tokens: ["a"], experts: [[[5]]], weights: [[[1]]], expertCount: 4 }, "numbers below expertCount 4"],
    [{ tokens: ["a"], experts: [[[0]]], weights: [[[1]]], layers: [2] }, "layers names layer 2"],
    [{ tokens: [7 as never], experts: [[[0]]], weights: [[[1]]] }, "tokens[0] must be a string, got number"],
    [{ tokens: new Array(4001).fill("a"), experts: [], weights: [] }, "more than 4000 cannot be read"],
  ])("refuses wrong input %#", (options, message) => {
    expect(() => tokenRibbon(options)).toThrow(message);
  });
});

describe("lines of tokens", () => {
  const measures = { width: 100, fontSize: 12, padding: 3, gap: 1, smallest: 8 };

  it("stay within the width, do not overlap, and end after a line feed", () => {
    const text = Array.from({ length: 60 }, (_, i) => " w".repeat(1 + (i % 4))).concat(
      "\n",
      "x".repeat(80),
      "\n",
    );
    const { boxes, lines } = setTokenLines(text, measures);
    boxes.forEach((box, i) => {
      expect(box.x + box.width).toBeLessThanOrEqual(measures.width);
      const before = boxes[i - 1];
      if (before?.line === box.line) expect(box.x).toBe(before.x + before.width + 1);
      else expect(box.x).toBe(0);
    });
    expect(boxes[61].line).toBe(boxes[60].line + 1);
    expect(boxes[61].shown).toMatch(/^x+…$/);
    expect(lines).toBe(boxes[62].line + 1);
  });

  it("show what cannot be seen", () => {
    expect(visibleToken("a b\t\n\u0000")).toBe("a·b⇥⏎‹U+0000›");
    expect(visibleToken("")).toBe("∅");
  });
});

describe("expert colours", () => {
  it("are distinct for 64 experts, and each has an ink that can be read on it", () => {
    const colours = expertColours(64);
    expect(new Set(colours).size).toBe(64);
    expect(expertColours(8)).toEqual(colours.slice(0, 8));
    expect(inkOn("#ffffff")).toBe("#000000");
    expect(inkOn("#0b5394")).toBe("#ffffff");
  });

  it("exist for any number of experts", () => {
    expect(expertColours(512)).toHaveLength(512);
  });
});

describe("the font", () => {
  it("has the widths that its file says", () => {
    // DejaVu Sans: 2048 units per em, "A" 1401 and "i" 569 units wide; bold "A" 1585.
    expect(textWidth("A", 2048)).toBe(1401);
    expect(textWidth("Ai", 2048)).toBe(1401 + 569);
    expect(textWidth("A", 2048, "bold")).toBe(1585);
  });
});
