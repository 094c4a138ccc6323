import { beforeAll, describe, expect, test } from "vitest";
import { resultsOfRanks } from "./ranks.js";

interface Seen {
  loss: number[];
  gradNorm: number[];
  auxLoss: number[];
  load: number[][];
  parameters: [name: string, shape: number[], norm: number, first: number[]][];
}

const float64 = { dtype: "float64" };
const cases: [string, object, number][] = [
  ["balanced routing", float64, 1e-12],
  ["routing that leaves a rank without tokens", { ...float64, gate: "unbalanced", auxLoss: null }, 1e-12],
  [
    "losses of sequences",
    { ...float64, auxLoss: { coefficient: 0.05, normalisation: "deepSeekSequence" } },
    1e-12,
  ],
  ["losses pooled over layers", { ...float64, auxLoss: { coefficient: 0.05, pooled: true } }, 1e-12],
  ["moelab's float32 kernels", {}, 1e-5],
];

function close(got: number[], expected: number[], relative: number): void {
  expect(got.length).toBe(expected.length);
  got.forEach((value, at) => {
    const difference = Math.abs(value - expected[at]) / (Math.abs(expected[at]) + 1e-2);
    expect(difference, `${value} for ${expected[at]}`).toBeLessThanOrEqual(relative);
  });
}

const run = (count: number, sizes: object) =>
  resultsOfRanks<Seen[]>("parallelRank.mjs", count, {
    arguments: [JSON.stringify(sizes), JSON.stringify(cases.map(([, options]) => options))],
  });
let alone: Seen[];
beforeAll(async () => {
  [alone] = await run(1, {});
});

describe.each([
  [2, { data: 2 }],
  [2, { expert: 2 }],
  [4, { expert: 4 }],
  [4, { data: 2, expert: 2 }],
])("training on %i ranks, %o, is that of one process", (count, sizes) => {
  let all: Seen[][];
  beforeAll(async () => {
    all = await run(count, sizes);
  });

  test.each(cases.map(([name, , relative], at) => [name, relative, at] as const))(
    "with %s: losses, norms of the gradients, loads, weights",
    (_, relative, at) => {
      const expected = alone[at];
      expect(new Set(expected.loss).size).toBe(4);
      if ("gate" in cases[at][1]) for (const load of expected.load) expect(load.slice(6)).toEqual([0, 0]);
      for (const seen of all.map((cases) => cases[at])) {
        close(seen.loss, expected.loss, 1e-6); // made in float32
        close(seen.gradNorm, expected.gradNorm, relative * 10);
        close(seen.auxLoss, expected.auxLoss, relative);
        expect(seen.load).toEqual(expected.load);
        seen.parameters.forEach(([name, shape, norm, first], parameter) => {
          const [itsName, itsShape, itsNorm, itsFirst] = expected.parameters[parameter];
          expect([name, shape]).toEqual([itsName, itsShape]);
          close([norm, ...first], [itsNorm, ...itsFirst], relative * 100);
        });
      }
    },
  );
});
