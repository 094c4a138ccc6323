import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { torch } from "../../src/index.js";
import { root, runPython } from "../python/run.js";

const library = join(root, "native/build/Release/libmoelab_operators.so");
const comparison = join(root, "test/moe/expertFfn.py");
const memory = join(root, "test/moe/expertFfnMemory.py");

/** Relative to the norm of the exact result: the unit roundoff of each type and what sums of a few hundred add. */
const tolerance: Record<string, number> = { float32: 3e-6, bfloat16: 1e-2 };

describe("moelab::expert_ffn", () => {
  // What a processor lacks falls back to what it has, so that every processor can run all of these.
  test.each(["scalar", "avx2", "avx512", "amx"])(
    "%s: output and gradients are those of the plain layer in float64, the same on any number of threads and recomputed",
    (capability) => {
      const errors = JSON.parse(runPython(comparison, library, capability));
      expect(Object.keys(errors)).toHaveLength(44);
      for (const [name, error] of Object.entries<number>(errors)) {
        expect(error, name).toBeLessThan(tolerance[name.split(" ")[0]]);
      }
    },
  );

  test("recomputation holds no hidden units for the backward pass", () => {
    const [kept, recomputed] = ["keep", "recompute"].map((way) => Number(runPython(memory, library, way)));
    const preactivations = (16 * 2048 * 2 * 1024 * 4) / 2 ** 20;
    expect(kept - recomputed).toBeGreaterThan(0.8 * preactivations);
  });

  const call = (changes: Record<string, unknown> = {}): torch.Tensor => {
    const given: Record<string, unknown> = {
      x: torch.ones([3, 8]),
      up: torch.ones([2, 8, 8]),
      down: torch.ones([2, 8, 4]),
      weight: torch.ones([3, 1]),
      order: torch.tensor([0, 2, 1], { dtype: "int64" }),
      taken: torch.tensor([2, 1], { dtype: "int64" }),
      activation: "swiglu",
      ...changes,
    };
    const { x, up, down, weight, order, taken, activation } = given;
    return torch.ops.moelab.expert_ffn(x, up, down, weight, order, taken, activation) as torch.Tensor;
  };
  const indices = (values: number[]) => torch.tensor(values, { dtype: "int64" });

  test("takes the layer it describes", () => {
    expect(call().shape).toEqual([3, 8]);
    expect(
      call({ order: indices([]), taken: indices([0, 0]) })
        .sum()
        .item(),
    ).toBe(0);
  });

  test.each([
    ["an assignment out of range", { order: indices([0, 3, 1]) }, /order\[1\] is 3, expected 0 to 2/],
    ["a negative assignment", { order: indices([0, -1, 1]) }, /order\[1\] is -1, expected 0 to 2/],
    ["an assignment twice", { order: indices([0, 1, 1]) }, /every assignment once, got 1 in rows 1 and 2/],
    ["lengths that do not sum to the rows", { taken: indices([2, 0]) }, /sum to the 3 rows of order, got 2/],
    ["lengths that overflow", { taken: indices([4, -1]) }, /sum to the 3 rows of order, got 4 for expert 0/],
    ["too few lengths", { taken: indices([3]) }, /taken: expected shape \[2\]/],
    ["another width", { up: torch.ones([2, 7, 8]) }, /up: expected shape \[2, 8, 8\]/],
    ["another type", { x: torch.ones([3, 8], { dtype: "float64" }) }, /float32 or bfloat16, got Double/],
    ["mixed types", { down: torch.ones([2, 8, 4], { dtype: "bfloat16" }) }, /expected the type of x/],
    ["an unknown activation", { activation: "relu" }, /expected "swiglu" or "gelu", got "relu"/],
    ["weights of other tokens", { weight: torch.ones([2, 1]) }, /weight: expected shape \[3, choices\]/],
  ])("refuses %s", (_, changes, message) => {
    expect(() => call(changes)).toThrow(message);
  });
});
