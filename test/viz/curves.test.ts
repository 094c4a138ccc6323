import { describe, expect, it } from "vitest";
import { smooth, thin } from "../../src/viz/curves.js";
import { balance, liveTraining, lossCurve } from "../../src/viz/index.js";
import { compile, expectGoodPicture, readPng, svgWith } from "./rendering.js";

const steps = Array.from({ length: 400 }, (_, i) => i + 1);
const training = {
  name: "training",
  steps,
  values: steps.map((step) => 2 + 6 / step + 0.1 * Math.sin(step)),
};
const validation = { name: "validation", steps: [100, 200, 300, 400], values: [2.4, 2.2, 2.1, 2.05] };
const references = [
  { name: "unigram", value: 4.1 },
  { name: "bigram", value: 3.2 },
  { name: "trigram", value: 3.19 },
];

describe("smoothing", () => {
  it("is the weighted mean of the definition, with gaps left out", () => {
    const [at, values, half] = [[0, 1, 3, 7], [4, 2, Number.NaN, 1], 2];
    const expected = values.map((value, i) => {
      const pairs = values
        .map((v, j) => [v, 2 ** (-Math.abs(at[i] - at[j]) / half)])
        .filter(([v]) => !Number.isNaN(v));
      const total = pairs.reduce((sum, [v, w]) => sum + v * w, 0);
      return Number.isNaN(value) ? Number.NaN : total / pairs.reduce((sum, [, w]) => sum + w, 0);
    });
    const smoothed = smooth(at, values, half);
    smoothed.forEach((value, i) => {
      if (Number.isNaN(expected[i])) expect(value).toBeNaN();
      else expect(value).toBeCloseTo(expected[i], 12);
    });
  });

  it("leaves values alone without a half-life, and a constant with any", () => {
    expect(smooth([1, 2, 3], [5, 1, 2], 0)).toEqual([5, 1, 2]);
    for (const value of smooth(
      steps,
      steps.map(() => 3),
      9,
    ))
      expect(value).toBeCloseTo(3, 12);
  });

  it("keeps both ends and every spike when points are thinned", () => {
    const values = Array.from({ length: 10_000 }, (_, i) => (i === 4321 ? 100 : Math.sin(i)));
    const kept = thin(values, 100);
    expect(kept.length).toBeLessThanOrEqual(202);
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
    for (const index of [0, 4321, 9999]) expect(kept).toContain(index);
  });
});

describe("lossCurve", () => {
  it("keeps the values it was given and smooths only long series", () => {
    const { data } = lossCurve({ series: [training, validation], references });
    expect(data.series[0].values).toEqual(training.values);
    expect(data.series[0].smoothed).toEqual(smooth(steps, training.values, 3.99));
    expect(data.series[1].smoothed).toEqual(validation.values);
    expect(data.references).toEqual(references);
  });

  it("is a good picture, linear, logarithmic, and of a single value", async () => {
    await expectGoodPicture(() => lossCurve({ series: [training, validation], references }));
    await expectGoodPicture(() => lossCurve({ series: [training], scale: "log", yTitle: "loss (nats)" }));
    await expectGoodPicture(() => lossCurve({ series: [{ name: "a", steps: [1], values: [2] }] }));
  });

  it("labels the references, apart even where the lines are close", async () => {
    const svg = await svgWith(lossCurve({ series: [training], references }).spec, {});
    const place = (name: string) => {
      const match = svg.match(new RegExp(`translate\\([\\d.]+,([\\d.]+)\\)"[^>]*>${name}`));
      return Number(match![1]);
    };
    expect(place("trigram 3.190") - place("bigram 3.200")).toBeGreaterThanOrEqual(12);
    expect(place("bigram 3.200")).toBeGreaterThan(place("unigram 4.100"));
  });

  it("shows a run that diverged, and says so", async () => {
    const values = training.values.map((value, i) => (i >= 300 ? Number.NaN : value));
    const make = () => lossCurve({ series: [{ ...training, values }] });
    expect(make().text).toContain("training: 100 of 400 values not finite, first at step 301");
    await expectGoodPicture(make);
  });

  it("stays small however long the run was", () => {
    const long = Array.from({ length: 200_000 }, (_, i) => i);
    const { spec } = lossCurve({
      series: [{ name: "a", steps: long, values: long.map((i) => Math.sin(i)) }],
    });
    expect(JSON.stringify(spec).length).toBeLessThan(100_000);
  });

  it("reads as text on a common axis of steps", () => {
    const lines = lossCurve({ series: [training, validation], references }).text.split("\n");
    expect(lines[0]).toMatch(
      /^Loss: training 1\.\d+ at step 400.*; validation 2\.050 at step 400; unigram 4\.100/,
    );
    expect(lines[1]).toMatch(/^training {3}█/);
    expect(lines[2]).toHaveLength("validation ".length + 60);
  });

  it.each([
    [{ series: [] }, "series is empty"],
    [{ series: [{ name: "", steps: [1], values: [1] }] }, "series[0].name must be a string"],
    [{ series: [validation, validation] }, 'series[1].name is "validation", taken'],
    [
      { series: [{ name: "a", steps: [1, 2], values: [1] }] },
      "series[0].values has 1 values but series[0].steps has 2",
    ],
    [
      { series: [{ name: "a", steps: [2, 2], values: [1, 1] }] },
      "series[0].steps must increase, but 2 follows 2 at index 1",
    ],
    [{ series: [{ name: "a", steps: [1], values: [Number.NaN] }] }, "series has no finite value"],
    [
      { series: [{ name: "a", steps: [1], values: [0] }], scale: "log" as const },
      'scale "log" needs values above 0, got 0',
    ],
    [
      { series: [validation], references: [{ name: "r", value: Number.NaN }] },
      "references[0].value must be a number",
    ],
    [{ series: [validation], scale: "cubic" as never }, 'scale must be "linear" or "log", got "cubic"'],
    [
      { series: [validation], smoothingHalfLife: -1 },
      "smoothingHalfLife must be a number of at least 0, got -1",
    ],
  ])("refuses wrong input %#", (options, message) => {
    expect(() => lossCurve(options)).toThrow(message);
  });
});

describe("balance", () => {
  const counts = steps.map((step) => [
    [10 + step, 10 + step, 10 + step, step],
    [5, 5, 0, 10],
  ]);

  it("measures every step and layer", () => {
    const { data } = balance({ steps, counts });
    expect(data.measures.deadFraction[7]).toEqual([0, 0.25]);
    expect(data.measures.maxVio[0][1]).toBeCloseTo(1, 12);
    expect(data.measures.cv).toHaveLength(400);
    expect(data.balanced).toEqual({ cv: 0, maxVio: 0, diversity: 1, deadFraction: 0 });
  });

  it("is a good picture with and without an auxiliary loss, with few and many layers", async () => {
    await expectGoodPicture(() => balance({ steps, counts }));
    const values = steps.map((step) => [1 + 1 / step, 1]);
    const make = () => balance({ steps, counts, auxLoss: { values, balanced: 1 }, layers: ["a", "b"] });
    await expectGoodPicture(make);
    expect(make().text).toContain("aux loss     ");
    const deep = [1, 2, 3].map((step) => Array.from({ length: 48 }, (_, l) => [l + step, 1, 2]));
    await expectGoodPicture(() => balance({ steps: [1, 2, 3], counts: deep }));
  });

  it("refuses wrong input", () => {
    expect(() => balance({ steps: [1], counts: [[[0, 0]]] })).toThrow("counts[0][0] has no token at all");
    expect(() => balance({ steps: [1, 2], counts: [[[1, 0]]] })).toThrow(
      "counts has 1 values but steps has 2",
    );
    expect(() => balance({ steps: [1, 2], counts: [[[1]], [[1], [2]]] })).toThrow("counts[1] has 2 values");
  });
});

describe("liveTraining", () => {
  const draw = (options: Parameters<typeof liveTraining>[0]) => {
    const { data, metadata } = liveTraining(options);
    expect(metadata).toEqual({ "image/png": { width: 640, height: 230 } });
    expect(Object.keys(data)).toEqual(["image/png", "text/plain"]);
    const png = Buffer.from(data["image/png"] as string, "base64");
    expect(png.length).toBeLessThan(50_000);
    return { ...readPng(png), png, text: data["text/plain"] as string };
  };

  it("has one size from the first step to the last", () => {
    const counts = Array.from({ length: 12 }, (_, l) => Array.from({ length: 64 }, (_, e) => (l * e) % 7));
    const empty = { name: "training", steps: [], values: [] };
    const all = {
      series: [training, validation],
      references,
      totalSteps: 500,
      status: "step 400/500",
      counts,
    };
    const pictures = [draw({ series: [empty] }), draw({ series: [training] }), draw(all)];
    for (const { width, height, colours } of pictures) {
      expect([width, height]).toEqual([960, 345]);
      expect(colours).toBeGreaterThan(5);
    }
    expect(pictures[0].text).toBe("no loss yet");
    expect(pictures[2].text).toMatch(/^step 400\/500 · training 2\.\d+ · validation 2\.050\n/);
    expect(Buffer.compare(draw(all).png, pictures[2].png)).toBe(0);
  });

  it("escapes what is not markup, cuts what is too long, and draws losses that are not finite", () => {
    draw({
      series: [{ name: "<a> & b", steps: [1, 2, 3], values: [1, Number.NaN, 2] }],
      status: "x < y ".repeat(100),
    });
    draw({ series: [{ name: "a", steps: [1], values: [Number.NaN] }] });
  });

  it("has no spec: that is for the last update", () => {
    expect(compile(lossCurve({ series: [training] }).spec).warnings).toEqual([]);
    expect(liveTraining({ series: [training] }).data).not.toHaveProperty("application/vnd.vegalite.v5+json");
  });
});
