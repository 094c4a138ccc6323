import { expect, test } from "vitest";
import * as torch from "../../src/torch/index.js";

test("in-place operators over lists of tensors", () => {
  const list = [torch.tensor([1, 2]), torch.tensor([[3]])];
  expect(torch._foreachAdd_(list, 1)).toBeUndefined();
  torch._foreachAdd_(list, [torch.tensor([1, 1]), torch.tensor([[1]])], { alpha: 2 });
  torch._foreachMul_(list, torch.tensor(10));
  expect(list.map((each) => each.toArray())).toEqual([[40, 50], [[60]]]);
});
