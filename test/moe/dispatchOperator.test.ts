import { describe, expect, test } from "vitest";
import { torch } from "../../src/index.js";

interface Options {
  capacity?: number;
  groups?: number;
  priority?: torch.Tensor;
  kept?: torch.Tensor;
}

function dispatch(
  experts: torch.Tensor,
  count: number,
  options: Options = {},
  reference = false,
): number[][] {
  const operator = torch.ops.moelab[reference ? "dispatch_reference" : "dispatch"];
  return (operator(experts, count, options) as torch.Tensor[]).map((tensor) => tensor.toArray() as number[]);
}

const indices = (values: number[][]) => torch.tensor(values, { dtype: "int64" });

describe("moelab::dispatch", () => {
  const experts = indices([
    [2, 0],
    [0, 2],
    [2, 1],
    [2, 0],
  ]);

  test("rows by expert, first choices of all tokens before second ones", () => {
    expect(dispatch(experts, 4)).toEqual([
      [1, 4, 7, 6, 0, 2, 3, 5],
      [3, 1, 4, 0],
      [3, 1, 4, 0],
    ]);
  });

  test("under a capacity the first come first, in each group of tokens for itself", () => {
    expect(dispatch(experts, 4, { capacity: 2 })).toEqual([
      [1, 4, 6, 0, 2],
      [3, 1, 4, 0],
      [2, 1, 2, 0],
    ]);
    expect(dispatch(experts, 4, { capacity: 1, groups: 2 })).toEqual([
      [1, 7, 6, 0, 2],
      [3, 1, 4, 0],
      [2, 1, 2, 0],
    ]);
  });

  test("or those of highest priority, NaN before all; rows stay in the order of their numbers", () => {
    const priority = torch.tensor([
      [0.1, 0.9],
      [0.2, 0.3],
      [0.8, 0.1],
      [Number.NaN, 0.5],
    ]);
    expect(dispatch(experts, 4, { capacity: 2, priority })).toEqual([
      [4, 7, 6, 2, 3],
      [3, 1, 4, 0],
      [2, 1, 2, 0],
    ]);
  });

  test("what is given up is no load", () => {
    const kept = torch.tensor([
      [true, false],
      [true, true],
      [false, true],
      [true, true],
    ]);
    expect(dispatch(experts, 4, { kept, capacity: 2 })).toEqual([
      [1, 7, 6, 0, 3],
      [2, 1, 3, 0],
      [2, 1, 2, 0],
    ]);
  });

  test("equals its reference, which runs on devices without a kernel", () => {
    torch.manualSeed(3);
    for (const [tokens, k, count, groups] of [
      [0, 2, 3, 1],
      [1, 1, 1, 1],
      [60, 3, 5, 1],
      [60, 3, 5, 4],
      [300, 8, 64, 3],
    ]) {
      const chosen = torch.rand([tokens, count]).topk(k > count ? 1 : k, 1)[1];
      const same = () => torch.rand(chosen.shape);
      const kept = same().gt(0.3);
      const priority = same().mul(8).floor(); // with ties
      for (const capacity of [-1, 0, 1, 7, 1000]) {
        for (const more of [
          {},
          { kept },
          { priority },
          { kept, priority },
          { priority: priority.double() },
        ]) {
          const options = { capacity, groups, ...more };
          expect(dispatch(chosen, count, options)).toEqual(dispatch(chosen, count, options, true));
        }
      }
    }
  });

  test.each([
    ["experts out of range", indices([[0], [4]]), {}, /experts\[1, 0\] is 4, expected 0 to 3/],
    ["negative experts", indices([[0, -1]]), {}, /experts\[0, 1\] is -1, expected 0 to 3/],
    ["experts of another type", torch.ones([2, 1]), {}, /experts: expected int64, got Float/],
    [
      "experts of one dimension",
      torch.tensor([1], { dtype: "int64" }),
      {},
      /expected shape \[tokens, choices\]/,
    ],
    ["groups that cut a token", experts, { groups: 3 }, /groups: expected a divisor of the 4 tokens, got 3/],
    ["groups of nothing", experts, { groups: 0 }, /groups: expected a divisor of the 4 tokens, got 0/],
    [
      "priorities of another shape",
      experts,
      { priority: torch.ones([4]) },
      /priority: expected the shape of/,
    ],
    [
      "whole priorities",
      experts,
      { priority: experts },
      /priority: expected a floating point type, got Long/,
    ],
    ["numbers as kept", experts, { kept: experts }, /kept: expected bool, got Long/],
  ])("refuses %s", (_, given, options, message) => {
    expect(() => dispatch(given, 4, options)).toThrow(message);
    expect(() => dispatch(given, 4, options, true)).toThrow(
      /range|negative/.test(_) ? /values from 0 to 3/ : message,
    );
  });
});
