import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { torch } from "../../src/index.js";
import { evaluatePython, root } from "../python/run.js";

function order(expert: number[], experts: number, capacity = -1, operator = "order_by_expert"): number[][] {
  const results = torch.ops.moelab[operator](torch.tensor(expert, { dtype: "int64" }), experts, capacity);
  return (results as torch.Tensor[]).map((tensor) => tensor.toArray() as number[]);
}

const expert = Array.from({ length: 300 }, (_, at) => (at * at * 7 + at) % 5);

describe("moelab::order_by_expert", () => {
  test("groups by expert and keeps the order within one", () => {
    expect(order([2, 0, 2, 0, 2], 4)).toEqual([
      [1, 3, 0, 2, 4],
      [2, 0, 3, 0],
      [2, 0, 3, 0],
    ]);
    expect(order([2, 0, 2, 0, 2], 4, 2)).toEqual([
      [1, 3, 0, 2],
      [2, 0, 3, 0],
      [2, 0, 2, 0],
    ]);
    expect(order([], 2)).toEqual([[], [0, 0], [0, 0]]);
  });

  test("equals a stable sort", () => {
    const sorted = expert.map((_, at) => at).sort((a, b) => expert[a] - expert[b] || a - b);
    expect(order(expert, 6)[0]).toEqual(sorted);
  });

  test("equals its reference, which runs on devices without a kernel", () => {
    for (const capacity of [-1, 0, 1, 40, 1000]) {
      expect(order(expert, 6, capacity)).toEqual(order(expert, 6, capacity, "order_by_expert_reference"));
      expect(order([], 6, capacity)).toEqual(order([], 6, capacity, "order_by_expert_reference"));
    }
    for (const operator of ["order_by_expert", "order_by_expert_reference"]) {
      expect(() => order([0, 6], 6, -1, operator)).toThrow(/expected (values from )?0 to 5/);
      expect(() => order([0, -1], 6, -1, operator)).toThrow(/expected (values from )?0 to 5/);
    }
  });

  test("loaded into Python, the same library gives the same results", () => {
    const library = join(root, "native/build/Release/libmoelab_operators.so");
    expect(existsSync(library)).toBe(true);
    const source = `
import json, sys, torch
torch.ops.load_library(sys.argv[1])
expert = torch.tensor(json.loads(sys.argv[2]))
print(json.dumps([[t.tolist() for t in torch.ops.moelab.order_by_expert(expert, 6, capacity)] for capacity in (-1, 40)]))
`;
    const theirs = JSON.parse(evaluatePython(source, library, JSON.stringify(expert)));
    expect(theirs).toEqual([order(expert, 6), order(expert, 6, 40)]);
  });
});
