import { describe, expect, it } from "vitest";
import * as torch from "../../src/torch/index.js";

describe("dtypes", () => {
  const cases: [torch.DType, unknown[], unknown[]][] = [
    ["uint8", [0, 255, 7], [0, 255, 7]],
    ["int8", [-128, 127, 0], [-128, 127, 0]],
    ["int16", [-32768, 32767, 1], [-32768, 32767, 1]],
    ["int32", [-(2 ** 31), 2 ** 31 - 1, 0], [-(2 ** 31), 2 ** 31 - 1, 0]],
    ["int64", [2n ** 63n - 1n, -5, 2 ** 53 - 1], [2n ** 63n - 1n, -5, 2 ** 53 - 1]],
    ["float16", [0.5, -2, 65504], [0.5, -2, 65504]],
    ["bfloat16", [0.5, -2, 256], [0.5, -2, 256]],
    ["float32", [0.5, Number.NaN, -Infinity], [0.5, Number.NaN, -Infinity]],
    ["float64", [0.1, 1e300, 5e-324], [0.1, 1e300, 5e-324]],
    ["bool", [true, false, 1], [true, false, true]],
  ];
  for (const [dtype, given, read] of cases) {
    it(`${dtype} goes in and comes out`, () => {
      const tensor = torch.tensor(given as number[], { dtype });
      expect(tensor.dtype).toBe(dtype);
      expect(tensor.toArray()).toEqual(read);
      expect(tensor.nbytes).toBe(tensor.asTypedArray({ copy: true }).byteLength);
      const there = tensor.reshape([3, 1]).to("float64").to(dtype).reshape([3]);
      if (dtype !== "int64") expect(there.toArray()).toEqual(read);
    });
  }

  it("numbers make float32, bigints int64, booleans bool", () => {
    expect(torch.tensor([1, 2]).dtype).toBe("float32");
    expect(torch.tensor([1n]).dtype).toBe("int64");
    expect(torch.tensor(true).dtype).toBe("bool");
    expect(torch.tensor(new Float64Array(2)).dtype).toBe("float64");
  });

  it("ragged and non-numeric arrays name the position", () => {
    expect(() => torch.tensor([[1, 2], [3]])).toThrow(/length 2 at \[1\]/);
    expect(() => torch.tensor([[1], ["x"]] as never)).toThrow(/\[1\]\[0\]/);
  });
});

describe("memory", () => {
  it("is shared by views, not by clones", () => {
    const base = torch.zeros([2, 3]);
    const views = [
      base.view([6]),
      base.transpose(0, 1),
      base.narrow(1, 1, 2),
      base.select(0, 1),
      base.detach(),
    ];
    for (const view of views) expect(view.storagePointer).toBe(base.storagePointer);
    expect(base.clone().storagePointer).not.toBe(base.storagePointer);
    views[3].fill_(7);
    expect(base.toArray()).toEqual([
      [0, 0, 0],
      [7, 7, 7],
    ]);
    expect(base.narrow(1, 1, 2).storageOffset).toBe(1);
    expect(base.t().strides).toEqual([1, 3]);
  });

  it("is shared with typed arrays in both directions", () => {
    const array = new Float32Array([1, 2, 3, 4]);
    const over = torch.fromTypedArray(array, [2, 2]);
    array[3] = 9;
    over.mul_(2);
    expect(over.toArray()).toEqual([
      [2, 4],
      [6, 18],
    ]);
    expect([...array]).toEqual([2, 4, 6, 18]);
    const out = torch.ones([3], { dtype: "int32" });
    const shared = out.asTypedArray() as Int32Array;
    shared[1] = 5;
    expect(out.toArray()).toEqual([1, 5, 1]);
    out.dispose();
    expect([...shared]).toEqual([1, 5, 1]);
    const copied = torch.fromTypedArray(array, [4], { copy: true });
    array[0] = 100;
    expect(copied.toArray()).toEqual([2, 4, 6, 18]);
  });

  it("part of a larger buffer is shared from its offset", () => {
    const whole = new Int16Array([1, 2, 3, 4, 5, 6]);
    expect(torch.fromTypedArray(whole.subarray(2, 5)).toArray()).toEqual([3, 4, 5]);
  });

  it("that is not contiguous is only copied when asked to", () => {
    const t = torch.arange(6).reshape([2, 3]).t();
    expect(() => t.asTypedArray()).toThrow(/copy: true/);
    expect(Array.from(t.asTypedArray({ copy: true }), Number)).toEqual([0, 3, 1, 4, 2, 5]);
  });

  it("shapes follow in-place operators and setData", () => {
    const tensor = torch.zeros([1, 2, 3]);
    expect(tensor.shape).toEqual([1, 2, 3]);
    expect(tensor.squeeze_(0)).toBe(tensor);
    expect(tensor.shape).toEqual([2, 3]);
    expect(tensor.t_().shape).toEqual([3, 2]);
    expect(tensor.unsqueeze_(1).shape).toEqual([3, 1, 2]);
    expect(tensor.resize_([4]).shape).toEqual([4]);
    tensor.setData(torch.ones([2, 2]));
    expect([tensor.shape, tensor.numel, tensor.ndim]).toEqual([[2, 2], 4, 2]);
    expect(() => (tensor.shape as number[]).push(1)).toThrow(TypeError);
  });
});

describe("operators", () => {
  const x = torch.tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

  it("choose the overload by their arguments", () => {
    expect(x.add(1).toArray()).toEqual([
      [2, 3, 4],
      [5, 6, 7],
    ]);
    expect(x.add(x).toArray()).toEqual([
      [2, 4, 6],
      [8, 10, 12],
    ]);
    expect(x.add(x, { alpha: 2 }).toArray()).toEqual([
      [3, 6, 9],
      [12, 15, 18],
    ]);
    expect(x.sum().item()).toBe(21);
    expect(x.sum(0).toArray()).toEqual([5, 7, 9]);
    expect(x.sum([0, 1]).item()).toBe(21);
    expect(x.sum(-1, true).shape).toEqual([2, 1]);
    expect(x.sum({ dim: 1, keepdim: true } as never).shape).toEqual([2, 1]);
    expect(x.sum(1, { keepdim: true, dtype: "float64" }).dtype).toBe("float64");
    expect(x.max().item()).toBe(6);
    const [values, indices] = x.max(1);
    expect([values.toArray(), indices.toArray()]).toEqual([
      [3, 6],
      [2, 2],
    ]);
    expect(torch.pow(2, x).select(0, 0).toArray()).toEqual([2, 4, 8]);
    expect(torch.where(x.gt(2), x, 0).toArray()).toEqual([
      [0, 0, 3],
      [4, 5, 6],
    ]);
    expect(x.div(2, { roundingMode: "floor" }).toArray()).toEqual([
      [0, 1, 1],
      [2, 2, 3],
    ]);
    expect(x.index([null, torch.tensor([0n, 2n])]).toArray()).toEqual([
      [1, 3],
      [4, 6],
    ]);
  });

  it("take whole numbers as integers, fractions as floats", () => {
    const whole = torch.tensor([1n, 2n]);
    expect(whole.mul(2).dtype).toBe("int64");
    expect(whole.mul(2.5).dtype).toBe("float32");
    expect(whole.add(2n ** 53n + 1n).toArray()).toEqual([2n ** 53n + 2n, 2n ** 53n + 3n]);
    expect(torch.tensor([0]).mul(-0).item()).toBe(-0);
  });

  it("take a tensor or a number where either goes, options at any place, modes by name", () => {
    const either: torch.Tensor | number = Math.random() < 0.5 ? 2 : torch.tensor(2);
    expect(x.mul(either).sum().item()).toBe(42);
    expect(torch.where(x.gt(3), either, 0).sum().item()).toBe(6);
    expect(x.sum(0, { keepdim: true }).shape).toEqual([1, 3]);
    const target = torch.zeros([2, 3]);
    expect(x.mseLoss(target, "sum").item()).toBe(91);
    expect(torch.mseLoss(x, target, { reduction: "none" }).shape).toEqual([2, 3]);
    expect(() => x.mseLoss(target, "total" as never)).toThrow(/"none", "mean" or "sum"/);
  });

  it("give lists and tuples", () => {
    const [a, b] = x.split(2, 1);
    expect([a.shape, b.shape]).toEqual([
      [2, 2],
      [2, 1],
    ]);
    expect(x.unbind(1)).toHaveLength(3);
    const [top, at] = x.topk(2);
    expect([top.toArray(), at.toArray()]).toEqual([
      [
        [3, 2],
        [6, 5],
      ],
      [
        [2, 1],
        [2, 1],
      ],
    ]);
  });

  it("are all reachable under torch.ops", () => {
    expect((torch.ops.aten.special_bessel_j0(torch.zeros([1])) as torch.Tensor).item()).toBe(1);
    expect(() => torch.ops.aten.no_such_operator(x)).toThrow(/does not exist in this libtorch/);
  });

  it("say which forms there are when none fits", () => {
    expect(() => x.add("x" as never)).toThrow(
      /torch\.add has no form that takes these arguments[\s\S]*aten::add\.Tensor[\s\S]*'other' should be a Tensor, got string x/,
    );
    expect(() => x.softmax({ dimension: 1 } as never)).toThrow(/no option 'dimension'/);
    expect(() => x.sum(0, { dim: 0 } as never)).toThrow(/'dim' is given twice/);
  });
});

describe("item and toArray", () => {
  it("keep what JavaScript can hold", () => {
    expect(torch.tensor(2n ** 60n).item()).toBe(2n ** 60n);
    expect(torch.tensor(true).item()).toBe(true);
    expect(torch.zeros([0, 3]).toArray()).toEqual([]);
    expect(torch.zeros([2, 0]).toArray()).toEqual([[], []]);
    expect(torch.tensor(5).toArray()).toBe(5);
    expect(() => torch.ones([2]).item()).toThrow(torch.TorchError);
  });
});

describe("printing", () => {
  const cases: [string, () => torch.Tensor, RegExp][] = [
    ["no dimensions", () => torch.tensor(1.5), /^tensor\(1\.5000, shape \[\], float32\)$/],
    ["empty", () => torch.zeros([0, 2]), /^tensor\(\[\], shape \[0, 2\], float32\)$/],
    ["whole numbers", () => torch.tensor([1, 20]), /\[ ?1, 20\]/],
    ["booleans", () => torch.tensor([true, false]), /true, false/],
    ["int64 beyond 2^53", () => torch.tensor([2n ** 62n, 1n]), /4611686018427387904/],
    [
      "NaN and infinities",
      () => torch.tensor([Number.NaN, Infinity, -Infinity, 0.5]),
      /NaN, +Infinity, -Infinity, +0\.5000/,
    ],
    ["only NaN", () => torch.tensor([Number.NaN]), /NaN/],
    ["bfloat16", () => torch.tensor([0.1]).to("bfloat16"), /0\.1001, shape|0\.1001\], shape \[1\], bfloat16/],
    ["wide range", () => torch.tensor([1e-8, 1]), /1\.0000e-8/],
    ["history", () => torch.ones([2]).requiresGrad_().mul(2), /gradFn MulBackward/],
    ["leaf", () => torch.ones([2]).requiresGrad_(), /requiresGrad/],
  ];
  for (const [name, make, text] of cases) it(name, () => expect(String(make())).toMatch(text));

  it("large ones show their edges only", () => {
    const text = String(torch.arange(10_000).reshape([100, 100]));
    expect(text).toContain("…");
    expect(text).toContain("9999");
    expect(text.length).toBeLessThan(1000);
    expect(String(torch.zeros([2, 2]))).toBe("tensor([[0, 0],\n        [0, 0]], shape [2, 2], float32)");
  });
});
