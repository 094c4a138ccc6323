import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { torch } from "../../src/index.js";
import { root, runPython } from "../python/run.js";

const library = join(root, "native/build/Release/libmoelab_operators.so");
const comparison = join(root, "test/decoder/operators.py");

/** Relative to the norm of the exact result. */
const tolerance: Record<string, number> = { float32: 2e-6, bfloat16: 6e-3 };

describe("moelab::rms_norm, rotary, linear_few_rows, attend_one", () => {
  // What a processor lacks falls back to what it has, so that every processor can run all of these.
  test.each(["scalar", "avx2", "avx512"])(
    "%s: output and gradients are those of float64, the same on any number of threads",
    (capability) => {
      const errors = JSON.parse(runPython(comparison, library, capability));
      expect(Object.keys(errors)).toHaveLength(2 * (6 * 3 + 1 + 4 * 2 * 2 + 8 * 4 * 2 + 4));
      for (const [name, error] of Object.entries<number>(errors)) {
        expect(error, name).toBeLessThan(tolerance[name.split(" ")[0]]);
      }
    },
  );

  const { rms_norm, rotary, linear_few_rows, attend_one } = torch.ops.moelab;
  const table = torch.ones([6, 4]);
  const one = torch.ones([1, 1, 1, 4]);
  const x4 = torch.ones([1, 1, 3, 4]);
  const long = torch.ones([3, 4], { dtype: "int64" });

  test.each<[string, () => unknown, RegExp]>([
    [
      "a norm of other sizes",
      () => rms_norm(x4, torch.ones([3]), 1e-5),
      /weight: expected shape \[4\], got \[3\]/,
    ],
    [
      "a norm of integers",
      () => rms_norm(long, torch.ones([4]), 1e-5),
      /x: expected float32 or bfloat16, got Long/,
    ],
    [
      "three dimensions to turn",
      () => rotary(torch.ones([1, 3, 4]), table, table, 0),
      /expected shape \[batch, heads/,
    ],
    ["an odd head", () => rotary(torch.ones([1, 1, 3, 5]), table, table, 0), /an even headDim/],
    [
      "positions behind the table",
      () => rotary(x4, table, table, 4),
      /positions 4 to 6 are asked for, it has 6/,
    ],
    ["positions before the table", () => rotary(x4, table, table, -1), /positions -1 to 1 are asked for/],
    [
      "another table",
      () => rotary(x4, table, torch.ones([6, 2]), 0),
      /sin: expected a contiguous table \[positions, 4\]/,
    ],
    [
      "a table of another type",
      () => rotary(x4, table.double(), table, 0),
      /cos: expected float32, got Double/,
    ],
    ["nine rows", () => linear_few_rows(torch.ones([9, 4]), [table]), /expected 1 to 8 rows, got 9/],
    ["no rows", () => linear_few_rows(torch.ones([0, 4]), [table]), /expected 1 to 8 rows, got 0/],
    [
      "other inputs",
      () => linear_few_rows(torch.ones([1, 5]), [table]),
      /expected shape \[outputs, 5\], got \[6, 4\]/,
    ],
    [
      "mixed types",
      () => linear_few_rows(torch.ones([1, 4]), [table.to("bfloat16")]),
      /expected the type of x, Float/,
    ],
    [
      "two queries",
      () => attend_one(torch.ones([1, 1, 2, 4]), x4, x4),
      /\[batch, heads, 1, headDim\], got \[1, 1, 2, 4\]/,
    ],
    [
      "no keys",
      () => attend_one(one, torch.ones([1, 1, 0, 4]), torch.ones([1, 1, 0, 4])),
      /keys: expected shape/,
    ],
    [
      "keys of other heads",
      () => attend_one(one, torch.ones([1, 2, 3, 4]), x4),
      /a divisor of 1, length, 4\]/,
    ],
    [
      "values of other sizes",
      () => attend_one(one, x4, torch.ones([1, 1, 2, 4])),
      /values: expected the shape of keys/,
    ],
    [
      "keys of another type",
      () => attend_one(one, x4.to("bfloat16"), x4),
      /expected the type of query, Float/,
    ],
    [
      "gradients of few rows",
      () => linear_few_rows(torch.ones([1, 4]).requiresGrad_(), [table]),
      /has no gradient/,
    ],
  ])("refuse %s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
