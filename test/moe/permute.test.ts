import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { torch } from "../../src/index.js";
import { root, runPython } from "../python/run.js";

const library = join(root, "native/build/Release/libmoelab_operators.so");
const comparison = join(root, "test/moe/permute.py");

/** Relative to the norm of the exact result: the unit roundoff of each type and what sums of a few hundred add. */
const tolerance: Record<string, number> = { float32: 3e-6, bfloat16: 1e-2 };

const { permute, unpermute, grouped_linear: groupedLinear } = torch.ops.moelab;
const indices = (values: number[]) => torch.tensor(values, { dtype: "int64" });

describe("moelab::permute, moelab::unpermute, moelab::grouped_linear", () => {
  // What a processor lacks falls back to what it has, so that every processor can run all of these.
  test.each(["scalar", "avx2", "avx512", "amx"])(
    "%s: output and gradients are those of plain float64, padded or not, the same on any number of threads",
    (capability) => {
      const errors = JSON.parse(runPython(comparison, library, capability));
      expect(Object.keys(errors)).toHaveLength(22);
      for (const [name, error] of Object.entries<number>(errors)) {
        expect(error, name).toBeLessThan(tolerance[name.split(" ")[0]]);
      }
    },
  );

  const order = indices([0, 2, 1]);
  const taken = indices([2, 1]);
  const x = torch.ones([3, 8]);
  const weight = torch.ones([2, 4, 8]);
  const weights = torch.ones([3, 1]);

  test("take what they describe", () => {
    expect((permute(x, order, taken, 1) as torch.Tensor).shape).toEqual([3, 8]);
    expect((permute(x, order, taken, 1, 2) as torch.Tensor).shape).toEqual([4, 8]);
    expect((groupedLinear(x, weight, taken) as torch.Tensor).toArray()).toEqual(
      Array(3).fill(Array(4).fill(8)),
    );
    expect((unpermute(x, weights, order, taken) as torch.Tensor).toArray()).toEqual(x.toArray());
  });

  test.each([
    ["an assignment out of range", indices([0, 3, 1]), taken, /order\[1\] is 3, expected 0 to 2/],
    ["a negative assignment", indices([0, -1, 1]), taken, /order\[1\] is -1, expected 0 to 2/],
    ["an assignment twice", indices([0, 1, 1]), taken, /every assignment once, got 1 again in row 2/],
    ["an order of another length", indices([0, 1]), taken, /order: expected shape \[3\], the sum of taken/],
    ["an order of another type", torch.ones([3]), taken, /order: expected int64, got Float/],
    ["negative lengths", order, indices([4, -1]), /taken\[1\] is -1, expected a number of rows/],
    ["lengths that overflow", order, indices([2 ** 62, 2 ** 62]), /taken\[1\] is 4611686018427387904/],
    ["lengths of another type", order, torch.ones([2]), /taken: expected int64, got Float/],
    ["lengths of no expert", order, indices([]), /taken: expected shape \[experts\]/],
  ])("permute and unpermute refuse %s", (_, badOrder, badTaken, message) => {
    expect(() => permute(x, badOrder, badTaken, 1)).toThrow(message);
    expect(() => unpermute(x, weights, badOrder, badTaken)).toThrow(message);
  });

  test("refuse what does not fit", () => {
    expect(() => permute(x, order, taken, 0)).toThrow(/at least one choice, got 3 and 0/);
    expect(() => permute(x, order, taken, 1, 1)).toThrow(/taken\[0\] is 2, expected 0 to the padded rows/);
    expect(() => permute(x, order, taken, 1, -1)).toThrow(/padded: expected the rows kept for each expert/);
    expect(() => permute(torch.ones([3]), order, taken, 1)).toThrow(/x: expected two dimensions/);
    expect(() => unpermute(torch.ones([2, 8]), weights, order, taken)).toThrow(/rows: expected shape \[3/);
    expect(() => unpermute(x, torch.ones([3, 1], { dtype: "float64" }), order, taken)).toThrow(
      /weights: expected Float beside rows of Float, got Double/,
    );
    expect(() => unpermute(x, torch.ones([2, 1]), order, taken)).toThrow(/order\[1\] is 2, expected 0 to 1/);
    expect(() => groupedLinear(x, torch.ones([3, 4, 8]), taken)).toThrow(
      /weight: expected shape \[2, out, in\]/,
    );
    expect(() => groupedLinear(x, torch.ones([2, 4, 7]), taken)).toThrow(
      /x: expected 7 columns as weight has/,
    );
    expect(() => groupedLinear(x, weight.to("bfloat16"), taken)).toThrow(/expected one floating point type/);
    expect(() => groupedLinear(x, weight, indices([2, 2]))).toThrow(/x: expected shape \[4/);
    expect(() => groupedLinear(x, weight, indices([2, -1]))).toThrow(/taken\[1\] is -1/);
  });
});
