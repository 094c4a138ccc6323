import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { torch } from "../../src/index.js";
import { root, runPython } from "../python/run.js";

const library = join(root, "native/build/Release/libmoelab_operators.so");
const comparison = join(root, "test/moe/gateOperator.py");

describe("moelab::gate", () => {
  // What a processor lacks falls back to what it has, so that every processor can run all of these.
  test.each(["scalar", "avx2", "avx512", "amx"])(
    "%s: choice, weights and gradients are those of PyTorch's operators in float64, on any number of threads",
    (capability) => {
      const errors = JSON.parse(runPython(comparison, library, capability));
      expect(Object.keys(errors).length).toBeGreaterThan(60);
      for (const [name, error] of Object.entries<number>(errors)) expect(error, name).toBeLessThan(2e-6);
    },
  );

  const call = (changes: Record<string, unknown> = {}): torch.Tensor[] => {
    const { logits = torch.ones([6, 4]), k = 2, ...options } = changes;
    return torch.ops.moelab.gate(logits, k, options) as torch.Tensor[];
  };

  test("equal logits go by index, and every output has its shape", () => {
    const [experts, weights, probabilities, sums, load, first, order, taken] = call({ capacity: 4 });
    expect(experts.toArray()).toEqual(Array(6).fill([0, 1]));
    expect(weights.toArray()).toEqual(Array(6).fill([0.25, 0.25]));
    expect(probabilities.shape).toEqual([6, 4]);
    expect(sums.toArray()).toEqual([1.5, 1.5, 1.5, 1.5]);
    expect(load.toArray()).toEqual([6, 6, 0, 0]);
    expect(first.toArray()).toEqual([6, 0, 0, 0]);
    expect(order.toArray()).toEqual([0, 1, 2, 3, 6, 7, 8, 9]);
    expect(taken.toArray()).toEqual([4, 4, 0, 0]);
  });

  test.each([
    ["more choices than experts", { k: 5 }, /k: expected 1 to the 4 experts, got 5/],
    ["no choice", { k: 0 }, /k: expected 1 to the 4 experts, got 0/],
    [
      "whole numbers",
      { logits: torch.ones([6, 4], { dtype: "int64" }) },
      /logits: expected a floating point/,
    ],
    ["logits of one dimension", { logits: torch.ones([6]) }, /logits: expected shape \[tokens, experts\]/],
    ["no experts", { logits: torch.ones([6, 0]) }, /logits: expected shape \[tokens, experts\]/],
    ["a bias of other experts", { bias: torch.ones([3]) }, /bias: expected shape \[4\], got \[3\]/],
    ["an unknown score", { scoring: "tanh" }, /scoring: expected "softmax" or "sigmoid", got "tanh"/],
    ["groups that cut an expert", { expertGroups: 3 }, /expert_groups: expected a divisor of the 4 experts/],
    [
      "groups with too few experts",
      { expertGroups: 4, topGroups: 1 },
      /top_groups: .*2 experts or more in them, got 1/,
    ],
    ["more groups than there are", { topGroups: 2 }, /top_groups: expected at most the 1 expert_groups/],
    ["groups that cut a token", { groups: 4 }, /groups: expected a divisor of the 6 tokens, got 4/],
    ["a scale of nothing", { scale: 0 }, /scale: expected a positive number, got 0/],
  ])("refuses %s", (_, changes, message) => {
    expect(() => call(changes)).toThrow(message);
  });

  test("the backward pass refuses experts that do not exist", () => {
    const backward = (expert: number, grad = torch.ones([1, 1])) =>
      torch.ops.moelab.gate_backward(
        grad,
        null,
        null,
        torch.ones([1, 2]),
        torch.tensor([[expert]], { dtype: "int64" }),
        torch.ones([1, 1]),
        torch.ones([1, 2]),
        "softmax",
        true,
        1,
      );
    expect((backward(1) as torch.Tensor).shape).toEqual([1, 2]);
    expect(() => backward(2)).toThrow(/experts: expected values from 0 to 1, got 2/);
    expect(() => backward(-1)).toThrow(/experts: expected values from 0 to 1, got -1/);
    expect(() => backward(0, torch.ones([2, 1]))).toThrow(/grad_weights: expected shape \[1, 1\]/);
  });
});
