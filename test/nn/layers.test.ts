import { describe, expect, test } from "vitest";
import { nn, torch } from "../../src/index.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

function close(a: torch.Tensor, b: torch.Tensor, tolerance = 1e-5): void {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().max().item()).toBeLessThan(tolerance);
}

describe("layers follow their formulas", () => {
  test("Linear and Embedding", () => {
    const linear = new nn.Linear(3, 2);
    const x = torch.randn([4, 3]);
    close(linear.forward(x), x.matmul(linear.weight.t()).add(linear.bias as torch.Tensor));
    const embedding = new nn.Embedding(5, 3);
    const ids = torch.tensor([[4, 0]], { dtype: "int64" });
    expect(embedding.forward(ids).select(1, 0).toArray()).toEqual([
      (embedding.weight.toArray() as number[][])[4],
    ]);
  });

  test("RMSNorm and LayerNorm", () => {
    const x = torch.randn([4, 6]);
    const rms = new nn.RMSNorm(6, { eps: 0.1 });
    torch.noGrad(() => rms.weight.normal_());
    close(rms.forward(x), x.div(x.square().mean(-1, true).add(0.1).sqrt()).mul(rms.weight));
    const layer = new nn.LayerNorm(6, { eps: 0.1 });
    torch.noGrad(() => layer.bias?.normal_());
    const centred = x.sub(x.mean(-1, true));
    const variance = centred.square().mean(-1, true);
    close(layer.forward(x), centred.div(variance.add(0.1).sqrt()).add(layer.bias as torch.Tensor));
  });

  test("Dropout keeps the mean in training and does nothing otherwise", () => {
    torch.manualSeed(0);
    const dropout = new nn.Dropout(0.25);
    const dropped = dropout.forward(torch.ones([10000]));
    expect(dropped.mean().item()).toBeCloseTo(1, 1);
    expect(dropped.eq(0).float().mean().item()).toBeCloseTo(0.25, 1);
    const x = torch.ones([4]);
    expect(dropout.eval().forward(x)).toBe(x);
  });

  test("FeedForward", () => {
    const x = torch.randn([2, 4]);
    const gelu = new nn.FeedForward({ dim: 4, hidden: 6, activation: "gelu" });
    const projected = x.matmul(gelu.upProj.weight.t());
    const half = projected.div(Math.SQRT2).erf().add(1).mul(projected).div(2);
    close(gelu.forward(x), half.matmul(gelu.downProj.weight.t()));
    const swiglu = new nn.FeedForward({ dim: 4, hidden: 6 });
    const [gate, up] = x.matmul(swiglu.upProj.weight.t()).chunk(2, -1);
    close(swiglu.forward(x), gate.mul(gate.sigmoid()).mul(up).matmul(swiglu.downProj.weight.t()));
  });

  test("initial weights have the spread that was asked for", () => {
    torch.manualSeed(0);
    expect(new nn.Linear(64, 1000, { std: 0.02 }).weight.std().item()).toBeCloseTo(0.02, 3);
    expect(new nn.Linear(64, 1000).weight.abs().max().item()).toBeLessThanOrEqual(1 / 8);
    expect(new nn.Embedding(1000, 64).weight.std().item()).toBeCloseTo(1, 1);
  });
});

describe("rotary positions", () => {
  test("a score depends on the distance of its positions only", () => {
    const rotary = new nn.RotaryEmbedding(8, 10000);
    const q = torch.randn([1, 8]);
    const k = torch.randn([1, 8]);
    const score = (at: number, other: number) => rotary.apply(q, at).mul(rotary.apply(k, other)).sum().item();
    expect(score(5, 2)).toBeCloseTo(score(105, 102), 4);
    expect(score(5, 2)).not.toBeCloseTo(score(5, 3), 4);
  });

  test("position 0 leaves vectors as they are, lengths stay", () => {
    const rotary = new nn.RotaryEmbedding(4, 100);
    const x = torch.randn([3, 4]);
    const turned = rotary.apply(x);
    close(turned.narrow(0, 0, 1), x.narrow(0, 0, 1));
    close(turned.norm(2, [-1]), x.norm(2, [-1]));
  });
});

describe("attention", () => {
  const make = (kvHeads?: number) => new nn.CausalSelfAttention({ dim: 16, heads: 4, kvHeads }).eval();

  test("a position does not see later ones", () => {
    const attention = make();
    const x = torch.randn([1, 6, 16]);
    const changed = x.clone();
    changed.narrow(1, 4, 2).zero_();
    close(attention.forward(x).narrow(1, 0, 4), attention.forward(changed).narrow(1, 0, 4));
  });

  test.each(["row", "head"] as const)("qkNorm %s: queries and keys of any scale attend alike", (qkNorm) => {
    const attention = new nn.CausalSelfAttention({ dim: 16, heads: 4, kvHeads: 2, qkNorm, normEps: 0 });
    expect([attention.qNorm?.dim, attention.kNorm?.dim]).toEqual(qkNorm === "row" ? [16, 8] : [4, 4]);
    const x = torch.randn([2, 5, 16]);
    const before = attention.forward(x);
    const scale = (from: number, count: number, factor: number) =>
      torch.noGrad(() => attention.qProj.weight.narrow(0, from, count).mul_(factor));
    scale(0, 16, 3);
    close(attention.forward(x), before);
    // One head alone: only a norm of its own makes up for it.
    scale(0, 4, 3);
    const moved = attention.forward(x).sub(before).abs().max().item();
    if (qkNorm === "head") expect(moved).toBeLessThan(1e-5);
    else expect(moved).toBeGreaterThan(1e-4);
  });

  test.each([4, 2, 1])("with %i key heads, one by one through the cache as all at once", (kvHeads) => {
    const attention = make(kvHeads);
    const x = torch.randn([2, 7, 16]);
    const whole = torch.noGrad(() => attention.forward(x));
    for (const chunks of [
      [1, 1, 1, 1, 1, 1, 1],
      [3, 4],
      [4, 1, 2],
    ]) {
      const cache = new nn.KeyValueCache(7);
      let at = 0;
      const parts = chunks.map((length) => {
        const part = torch.noGrad(() => attention.forward(x.narrow(1, at, length), cache));
        at += length;
        return part;
      });
      close(torch.cat(parts, 1), whole);
      cache.dispose();
    }
  });

  test("without position embedding, equal tokens attend equally", () => {
    const attention = new nn.CausalSelfAttention({ dim: 16, heads: 2, ropeTheta: null });
    const x = torch.randn([1, 1, 16]).expand([1, 5, 16]);
    const out = attention.forward(x);
    close(out.narrow(1, 4, 1), out.narrow(1, 0, 1));
  });
});
