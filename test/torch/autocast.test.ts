import { expect, test } from "vitest";
import * as torch from "../../src/torch/index.js";

test("autocast: products in bfloat16, gradients in the dtype of the parameter", () => {
  const weight = torch.randn([4, 4]).requiresGrad_();
  const x = torch.randn([2, 4]);
  const product = torch.autocast("bfloat16", () => x.matmul(weight));
  expect(product.dtype).toBe("bfloat16");
  expect(x.matmul(weight).dtype).toBe("float32");
  product.float().sum().backward();
  expect(weight.grad!.dtype).toBe("float32");
});

test("autocast does not remember weights beyond its end", () => {
  const weight = torch.ones([2, 2]).requiresGrad_();
  const x = torch.ones([1, 2]);
  const compute = () =>
    torch
      .autocast("bfloat16", () => x.matmul(weight))
      .float()
      .toArray();
  expect(compute()).toEqual([[2, 2]]);
  torch.noGrad(() => weight.fill_(3));
  expect(compute()).toEqual([[6, 6]]);
});

test("autocast ends with an error of the body, nests, and refuses what it cannot do", () => {
  const x = torch.ones([1, 1]);
  expect(() =>
    torch.autocast("bfloat16", () => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(x.matmul(x).dtype).toBe("float32");
  torch.autocast("bfloat16", () => {
    torch.autocast("bfloat16", () => {});
    expect(x.matmul(x).dtype).toBe("bfloat16");
  });
  expect(() => torch.autocast("float32", () => {})).toThrow(/should be "bfloat16" or "float16"/);
  expect(() => torch.autocast("bfloat16", async () => {})).toThrow(/synchronous/);
});
