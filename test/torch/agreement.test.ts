import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addon, packageRoot } from "../../src/engine/addon.js";
import * as torch from "../../src/torch/index.js";
import { python } from "./python.js";

/** Numbers as python.ts gives them. */
function plain(value: unknown): unknown {
  if (value instanceof torch.Tensor) return plain(value.toArray());
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "number" && !Number.isFinite(value)) {
    return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
  return value;
}

function close(ours: unknown, theirs: unknown): boolean {
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    return ours.length === theirs.length && ours.every((each, at) => close(each, theirs[at]));
  }
  if (typeof ours === "number" && typeof theirs === "number") {
    return Math.abs(ours - theirs) <= 1e-5 * Math.max(1, Math.abs(theirs));
  }
  return ours === theirs;
}

describe("agreement with Python on the same libtorch", () => {
  it("random numbers of the same seed are the same", () => {
    torch.manualSeed(1234);
    const ours = [
      torch.rand([5]),
      torch.randn([33]),
      torch.randperm(20),
      torch.randint(100, [6]),
      torch.zeros([4]).normal_(2, 3),
      torch.zeros([4]).uniform_(-1, 1),
      torch.tensor([0.1, 0.2, 0.7]).multinomial(5, true),
      torch.dropout(torch.ones([8]), 0.5, true),
      torch.ones([8]).mul(0.5).bernoulli(),
    ].map(plain);
    const theirs = python<unknown[]>(`
torch.manual_seed(1234)
result = [torch.rand(5), torch.randn(33), torch.randperm(20), torch.randint(100, (6,)), torch.zeros(4).normal_(2, 3),
  torch.zeros(4).uniform_(-1, 1), torch.tensor([0.1, 0.2, 0.7]).multinomial(5, True),
  torch.nn.functional.dropout(torch.ones(8), 0.5, True), (torch.ones(8) * 0.5).bernoulli()]`);
    expect(ours).toEqual(theirs);
  });

  // Each line is a Python expression and the same in TypeScript over x, y [3, 4], m [4, 3], p > 0, k integers.
  type Given = Record<"x" | "y" | "m" | "p" | "k", torch.Tensor>;
  const cases: [string, (t: Given) => unknown][] = [
    ["x.add(y, alpha=2)", ({ x, y }) => x.add(y, { alpha: 2 })],
    ["x.sub(1)", ({ x }) => x.sub(1)],
    ["torch.rsub(x, 2.5)", ({ x }) => x.rsub(2.5)],
    ["x.div(y, rounding_mode='trunc')", ({ x, y }) => x.div(y, { roundingMode: "trunc" })],
    ["p.pow(0.5)", ({ p }) => p.pow(0.5)],
    ["p.log()", ({ p }) => p.log()],
    ["p.rsqrt()", ({ p }) => p.rsqrt()],
    ["x.erf()", ({ x }) => x.erf()],
    ["x.sigmoid()", ({ x }) => x.sigmoid()],
    ["x.clamp(-0.5, 0.5)", ({ x }) => x.clamp(-0.5, 0.5)],
    ["x.clamp(min=0)", ({ x }) => x.clamp({ min: 0 })],
    ["x.lerp(y, 0.3)", ({ x, y }) => x.lerp(y, 0.3)],
    ["x.log()", ({ x }) => x.log()],
    ["x.matmul(m)", ({ x, m }) => x.matmul(m)],
    ["torch.einsum('ij,kj->ik', x, y)", ({ x, y }) => torch.einsum("ij,kj->ik", [x, y])],
    [
      "torch.addmm(torch.ones(3), x, m, beta=2)",
      ({ x, m }) => torch.addmm(torch.ones([3]), x, m, { beta: 2 }),
    ],
    ["x.sum(1, keepdim=True)", ({ x }) => x.sum(1, true)],
    ["x.mean((0, 1))", ({ x }) => x.mean([0, 1])],
    ["x.std(1)", ({ x }) => x.std(1)],
    ["x.var(0, correction=0)", ({ x }) => x.var(0, { correction: 0 })],
    ["x.norm()", ({ x }) => x.norm()],
    ["x.logsumexp(1)", ({ x }) => x.logsumexp(1)],
    ["x.cumsum(1)", ({ x }) => x.cumsum(1)],
    ["x.softmax(-1)", ({ x }) => x.softmax(-1)],
    ["x.log_softmax(1)", ({ x }) => x.logSoftmax(1)],
    ["list(x.topk(2, dim=1))", ({ x }) => x.topk(2, 1)],
    ["list(x.sort(1, descending=True))", ({ x }) => x.sort(1, true)],
    ["x.argmax(1)", ({ x }) => x.argmax(1)],
    ["x.amax((0,))", ({ x }) => x.amax([0])],
    ["list(x.max(0))", ({ x }) => x.max(0)],
    ["x.gather(1, k)", ({ x, k }) => x.gather(1, k)],
    ["torch.zeros(3, 4).scatter_add(1, k, x)", ({ x, k }) => torch.zeros([3, 4]).scatterAdd(1, k, x)],
    ["x.index_select(1, k[0])", ({ x, k }) => x.indexSelect(1, k.select(0, 0))],
    ["torch.where(x > 0, x, y)", ({ x, y }) => torch.where(x.gt(0), x, y)],
    ["x.masked_fill(x > 0, 9)", ({ x }) => x.maskedFill(x.gt(0), 9)],
    ["x.nonzero()", ({ x }) => x.nonzero()],
    [
      "k.bincount() if k.dim() == 1 else k.flatten().bincount(minlength=6)",
      ({ k }) => k.flatten().bincount(null, 6),
    ],
    ["torch.cat([x, y], 1)", ({ x, y }) => torch.cat([x, y], 1)],
    ["torch.stack([x, y], -1)", ({ x, y }) => torch.stack([x, y], -1)],
    ["x.permute(1, 0)", ({ x }) => x.permute([1, 0])],
    ["x.roll(1, 0)", ({ x }) => x.roll(1, 0)],
    ["x.tril(-1)", ({ x }) => x.tril(-1)],
    ["x.repeat(2, 1)", ({ x }) => x.repeat([2, 1])],
    ["k.repeat_interleave(2)", ({ k }) => k.repeatInterleave(2)],
    ["list(x.chunk(2, 1))", ({ x }) => x.chunk(2, 1)],
    ["x.unfold(1, 2, 1)", ({ x }) => x.unfold(1, 2, 1)],
    ["torch.nn.functional.gelu(x, approximate='tanh')", ({ x }) => x.gelu({ approximate: "tanh" })],
    ["torch.nn.functional.silu(x)", ({ x }) => x.silu()],
    ["torch.nn.functional.layer_norm(x, (4,))", ({ x }) => torch.layerNorm(x, [4])],
    ["torch.nn.functional.one_hot(k, 5)", ({ k }) => k.oneHot(5)],
    [
      "torch.nn.functional.cross_entropy(x, k[:, 0])",
      ({ x, k }) => torch.crossEntropyLoss(x, k.select(1, 0)),
    ],
    [
      "torch.nn.functional.scaled_dot_product_attention(x[None], y[None], y[None])",
      ({ x, y }) => torch.scaledDotProductAttention(x.unsqueeze(0), y.unsqueeze(0), y.unsqueeze(0)),
    ],
    ["torch.arange(0, 1, 0.25)", () => torch.arange(0, 1, 0.25)],
    ["torch.linspace(0, 1, 5)", () => torch.linspace(0, 1, 5)],
    ["torch.full((2,), 1.5)", () => torch.full([2], 1.5)],
    ["x.to(torch.bfloat16).float()", ({ x }) => x.to("bfloat16").float()],
    ["x.isclose(x + 1e-9)", ({ x }) => x.isclose(x.add(1e-9))],
    ["x.new_zeros(2)", ({ x }) => x.newZeros([2])],
    [
      "torch.searchsorted(torch.tensor([0.0, 0.5, 1.0]), p)",
      ({ p }) => torch.searchsorted(torch.tensor([0, 0.5, 1]), p),
    ],
  ];

  it(`${cases.length} operators give the same values`, () => {
    torch.manualSeed(7);
    const given: Given = {
      x: torch.randn([3, 4]),
      y: torch.randn([3, 4]),
      m: torch.randn([4, 3]),
      p: torch.rand([3, 4]).add(0.1),
      k: torch.randint(4, [3, 4]),
    };
    const theirs = python<unknown[]>(
      `
names = {name: torch.tensor(value) for name, value in given["tensors"].items()}
result = [eval(text, {"torch": torch}, names) for text in given["expressions"]]`,
      {
        expressions: cases.map(([text]) => text),
        tensors: Object.fromEntries(Object.entries(given).map(([name, tensor]) => [name, tensor.toArray()])),
      },
    );
    const different = cases
      .map(([text, ours], at) => ({ text, ours: plain(ours(given)), theirs: theirs[at] }))
      .filter(({ ours, theirs }) => !close(ours, theirs));
    expect(different).toEqual([]);
  });

  it("the generated declarations are those of the libtorch in use", () => {
    execFileSync(process.execPath, [join(packageRoot(), "scripts/generateOperators.mjs"), "--check"], {
      stdio: "pipe",
    });
    expect(addon().listOperators().length).toBeGreaterThan(1500);
  });
});
