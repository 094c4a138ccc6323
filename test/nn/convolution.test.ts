import { expect, test } from "vitest";
import { nn, torch } from "../../src/index.js";

torch.setThreads(1);

test("Conv2d: the sum over its window, at each place", () => {
  const conv = new nn.Conv2d(2, 3, [3, 2], { stride: [2, 1], padding: 1 });
  expect(conv.weight.shape).toEqual([3, 2, 3, 2]);
  const x = torch.randn([1, 2, 5, 4]);
  const y = conv.forward(x);
  expect(y.shape).toEqual([1, 3, 3, 5]);
  const padded = torch.zeros([2, 7, 6]);
  padded.narrow(1, 1, 5).narrow(2, 1, 4).copy_(x.select(0, 0));
  for (const [row, column] of [
    [0, 0],
    [1, 2],
    [2, 4],
  ]) {
    const window = padded.narrow(1, 2 * row, 3).narrow(2, column, 2);
    const expected = conv.weight.mul(window).sum([1, 2, 3]).add(conv.bias!);
    const got = y.select(0, 0).select(1, row).select(1, column);
    expect(got.sub(expected).abs().max().item()).toBeLessThan(1e-5);
  }
});

test("Conv2d: groups, no bias, weights in PyTorch's range, gradients", () => {
  const conv = new nn.Conv2d(4, 8, 3, { groups: 2, bias: false });
  expect(conv.weight.shape).toEqual([8, 2, 3, 3]);
  expect(conv.bias).toBeNull();
  expect(conv.weight.abs().max().item()).toBeLessThanOrEqual(1 / Math.sqrt(18));
  conv
    .forward(torch.randn([2, 4, 6, 6]))
    .square()
    .sum()
    .backward();
  expect(conv.weight.grad!.abs().max().item()).toBeGreaterThan(0);
  expect(String(new nn.Conv2d(1, 6, 5))).toContain(
    "Conv2d(1, 6, kernelSize: 5 × 5, stride: 1 × 1, padding: 0 × 0)",
  );
});

test("MaxPool2d and AvgPool2d: windows side by side unless told otherwise", () => {
  const x = torch.arange(16).float().view([1, 1, 4, 4]);
  expect(new nn.MaxPool2d(2).forward(x).reshape([-1]).toArray()).toEqual([5, 7, 13, 15]);
  expect(new nn.AvgPool2d(2).forward(x).reshape([-1]).toArray()).toEqual([2.5, 4.5, 10.5, 12.5]);
  expect(new nn.MaxPool2d(2, { stride: 1 }).forward(x).shape).toEqual([1, 1, 3, 3]);
  expect(new nn.MaxPool2d(3, { stride: 2, padding: 1 }).forward(x).shape).toEqual([1, 1, 2, 2]);
});

test("sizes that make no sense are refused", () => {
  expect(() => new nn.Conv2d(1, 6, 0)).toThrow(
    /nn.Conv2d: kernelSize must be a whole number from 1 up, got 0/,
  );
  expect(() => new nn.Conv2d(3, 6, 3, { groups: 2 })).toThrow(/groups must divide/);
  expect(() => new nn.Conv2d(1, 6, [1, 2, 3] as never)).toThrow(
    /kernelSize must be a whole number or \[height, width\]/,
  );
  expect(() => new nn.MaxPool2d(2, { strides: 2 } as never)).toThrow(/did you mean 'stride'/);
});
