import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { torch } from "../../src/index.js";
import { root, runPython } from "../python/run.js";

const library = join(root, "native/build/Release/libmoelab_operators.so");
const comparison = join(root, "test/moe/gateLinear.py");

/** Relative to the norm of the exact result. */
const tolerance: Record<string, number> = { float32: 2e-6, bfloat16: 4e-3 };

describe("moelab::gate_linear, moelab::expert_choice", () => {
  // What a processor lacks falls back to what it has, so that every processor can run all of these.
  test.each(["scalar", "avx2", "avx512", "amx"])(
    "%s: logits of bfloat16 tokens are as good as float32 arithmetic makes them, and experts choose as the reference does",
    (capability) => {
      const errors = JSON.parse(runPython(comparison, library, capability));
      expect(Object.keys(errors)).toHaveLength(21);
      for (const [name, error] of Object.entries<number>(errors)) {
        expect(error, name).toBeLessThan(tolerance[name.split(" ")[0]]);
      }
    },
  );

  const { gate_linear: gateLinear, expert_choice: expertChoice } = torch.ops.moelab;

  test("refuse what does not fit", () => {
    const x = torch.ones([3, 8], { dtype: "bfloat16" });
    expect(() => gateLinear(x, torch.ones([2, 7]))).toThrow(/x: expected shape \[tokens, 7\], got \[3, 8\]/);
    expect(() => gateLinear(x, torch.ones([8]))).toThrow(
      /weight: expected shape \[experts, dim\], got \[8\]/,
    );
    expect(() => gateLinear(x, torch.ones([2, 8], { dtype: "int64" }))).toThrow(
      /expected floating point types/,
    );
    expect(() => expertChoice(torch.ones([3, 2]), 4)).toThrow(/each: expected 0 to the 3 tokens, got 4/);
    expect(() => expertChoice(torch.ones([3, 2]), -1)).toThrow(/each: expected 0 to the 3 tokens, got -1/);
    expect(() => expertChoice(torch.ones([3]), 1)).toThrow(/scores: expected shape \[tokens, experts\]/);
    expect(() => expertChoice(torch.ones([3, 2], { dtype: "int64" }), 1)).toThrow(
      /scores: expected a floating/,
    );
  });
});
