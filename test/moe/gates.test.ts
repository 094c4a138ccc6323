import { describe, expect, test, vi } from "vitest";
import { models, moe, nn, torch } from "../../src/index.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

const sizes = { dim: 12, experts: 6 };
const tokens = 40;

type Rows = number[][];
const rows = (tensor: torch.Tensor) => tensor.toArray() as Rows;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const input = () => torch.randn([tokens, sizes.dim]);

/** Indices of the largest values, largest first. */
function best(values: number[], k: number): number[] {
  return values
    .map((value, at) => ({ value, at }))
    .sort((a, b) => b.value - a.value)
    .slice(0, k)
    .map(({ at }) => at);
}

function layerOf(gate: moe.GateMaker, options: Partial<moe.MoELayerOptions> = {}): moe.MoELayer {
  return new moe.MoELayer({ ...sizes, hidden: 8, gate, std: 0.3, ...options });
}

const makers: Record<string, moe.GateMaker> = {
  softmax: moe.softmaxGate({ std: 1 }),
  "softmax, not renormalised": moe.softmaxGate({ std: 1, renormalise: false }),
  switch: moe.switchGate({ std: 1 }),
  gshard: moe.gshard({ std: 1 }),
  "gshard, Mesh-TensorFlow's random": moe.gshard({ std: 1, randomRouting: "random" }),
  glam: moe.glam({ std: 1 }),
  "noisy top-k": moe.noisyTopKGate({ std: 1 }),
  sigmoid: moe.sigmoidGate({ std: 1, routeScale: 2.5 }),
  "sigmoid, group-limited": moe.sigmoidGate({ std: 1, expertGroups: 3, topKGroups: 1, topK: 2 }),
  "DeepSpeed top-1": moe.deepSpeedGate({ k: 1, noisyGatePolicy: "RSample" }),
  "DeepSpeed top-2": moe.deepSpeedGate({ k: 2, noisyGatePolicy: "Jitter" }),
  "DeepSpeed top-3": moe.deepSpeedGate({ k: 3 }),
  cosine: moe.cosineGate({ projection: 16 }),
  uniform: moe.uniformGate(),
};

describe("every gate", () => {
  test.each(Object.entries(makers))(
    "%s: different experts in range, weights with history, trains",
    (name, maker) => {
      const layer = layerOf(maker);
      for (const training of [true, false]) {
        layer.train(training);
        const x = input();
        const { experts, weights, probabilities } = layer.gate.forward(x);
        for (const row of rows(experts)) {
          expect(new Set(row).size).toBe(row.length);
          for (const expert of row) expect(expert >= 0 && expert < sizes.experts).toBe(true);
        }
        expect(weights.shape).toEqual(experts.shape);
        for (const row of rows(probabilities!)) expect(sum(row)).toBeCloseTo(1, 4);
        const y = layer.forward(x);
        expect(y.isfinite().all().item()).toBe(true);
      }
      layer.train(true);
      layer.zeroGrad();
      let loss = layer.forward(input()).square().sum();
      for (const { value, coefficient } of layer.losses) loss = loss.add(value.mul(coefficient));
      loss.backward();
      for (const [parameter, { grad }] of layer.gate.namedParameters()) {
        expect(grad!.isfinite().all().item(), `${name} ${parameter}`).toBe(true);
        expect(grad!.abs().sum().item(), `${name} ${parameter}`).toBeGreaterThan(0);
      }
    },
  );

  test.each(Object.entries(makers))("%s: the same again from the same seed", (_, maker) => {
    const layer = layerOf(maker);
    const x = input();
    const run = () => {
      torch.manualSeed(11);
      return layer.gate.forward(x).experts.toArray();
    };
    layer.train(true);
    expect(run()).toEqual(run());
  });
});

describe("softmax", () => {
  test("renormalised weights are the softmax over the chosen logits", () => {
    const { logits, experts, weights } = layerOf(moe.softmaxGate({ topK: 3, std: 1 })).gate.forward(input());
    const over = logits!.gather(1, experts).softmax(-1);
    expect(over.sub(weights).abs().max().item()).toBeLessThan(1e-6);
  });
});

describe("Switch", () => {
  test("one expert weighted by its probability; jitter in training only, multiplicative, within 1e-2", () => {
    const layer = layerOf(moe.switchGate({ std: 1 }));
    expect(layer.capacity.capacityFactor).toBe(1.25);
    const x = input();
    layer.eval();
    const plain = layer.gate.forward(x);
    expect(rows(plain.weights).map(([w]) => w)).toEqual(
      rows(plain.probabilities!).map((p) => Math.max(...p)),
    );
    expect(layer.gate.forward(x).logits!.equal(plain.logits!)).toBe(true);
    layer.train(true);
    const noisy = layer.gate.forward(x);
    const bound = x
      .abs()
      .matmul((layer.gate as moe.LinearGate).weight.detach().abs().t())
      .mul(1e-2);
    const moved = noisy.logits!.sub(plain.logits!).abs();
    expect(moved.max().item()).toBeGreaterThan(0);
    expect(moved.le(bound.add(1e-5)).all().item()).toBe(true);
  });
});

describe("GShard", () => {
  test("the second expert stays with probability min(1, 2·g₂)", () => {
    const layer = layerOf(moe.gshard({ std: 0.4 }));
    layer.train(true);
    const x = input();
    const draws = 400;
    const stayed = torch.zeros([tokens]);
    let expected: number[] = [];
    for (let at = 0; at < draws; at++) {
      const { kept, weights } = layer.gate.forward(x);
      expect(kept!.select(1, 0).all().item()).toBe(true);
      stayed.add_(kept!.select(1, 1).to("float32"));
      expected = rows(weights).map(([, second]) => Math.min(1, 2 * second));
    }
    const share = (stayed.div(draws).toArray() as number[]).map((value, at) =>
      Math.abs(value - expected[at]),
    );
    // Six standard deviations of a share of 400 draws.
    expect(Math.max(...share)).toBeLessThan(0.15);
    expect(sum(expected) / tokens).toBeLessThan(0.98);
  });

  test("choices that are given up are neither load nor answered", () => {
    const layer = layerOf(moe.gshard({ randomRouting: "none", capacityFactor: null }));
    layer.forward(input());
    const { load, taken, weights } = layer.routing!;
    expect(load.sum().item()).toBe(tokens);
    expect(taken.toArray()).toEqual(load.toArray());
    for (const [, second] of rows(weights)) expect(second).toBe(0);
  });

  test("each group of tokens has the capacity of its own", () => {
    const groups = 4;
    const everywhere = layerOf(moe.gshard({ randomRouting: false, capacityFactor: 0.5 }), { groups });
    const alone = layerOf(moe.gshard({ randomRouting: false, capacityFactor: 0.5 }));
    alone.loadStateDict(everywhere.stateDict());
    const x = input();
    const parts = x.chunk(groups, 0).map((part) => alone.forward(part));
    expect(everywhere.forward(x).sub(torch.cat(parts)).abs().max().item()).toBeLessThan(1e-5);
    expect(() => everywhere.forward(torch.randn([tokens + 1, sizes.dim]))).toThrow(/groups: 4/);
  });

  test("GLaM keeps both", () => {
    const { kept, weights } = layerOf(moe.glam()).gate.forward(input());
    expect(kept).toBeUndefined();
    for (const row of rows(weights)) expect(sum(row)).toBeCloseTo(1, 5);
  });
});

describe("noisy top-k", () => {
  test("without noise a plain softmax over the chosen; noise grows with its weights", () => {
    const layer = layerOf(moe.noisyTopKGate({ std: 1 }));
    const gate = layer.gate as moe.NoisyTopKGate;
    layer.eval();
    const x = input();
    const clean = gate.forward(x);
    expect(rows(clean.experts)).toEqual(rows(clean.logits!).map((row) => best(row, 2)));
    layer.train(true);
    const spread = () => gate.forward(x).logits!.sub(clean.logits!).abs().mean().item();
    const small = spread();
    torch.noGrad(() => gate.noiseWeight.normal_(0, 3));
    expect(spread()).toBeGreaterThan(2 * small);
  });

  test("the load loss is smallest when experts are alike", () => {
    const layer = layerOf(moe.noisyTopKGate({ std: 0 }));
    const gate = layer.gate as moe.NoisyTopKGate;
    const x = torch.ones([200, sizes.dim]);
    const losses = () =>
      Object.fromEntries(gate.forward(x).losses!.map(({ name, value }) => [name, value.item()]));
    const even = losses();
    torch.noGrad(() => gate.weight.select(0, 2).fill_(1));
    const skewed = losses();
    expect(even.loadLoss).toBeLessThan(0.05);
    expect(skewed.loadLoss).toBeGreaterThan(0.5);
    expect(skewed.importanceLoss).toBeGreaterThan(even.importanceLoss + 1);
  });
});

describe("sigmoid with bias", () => {
  test("the bias chooses, the scores weigh", () => {
    const layer = layerOf(moe.sigmoidGate({ std: 1, routeScale: 2.5, biasUpdateRate: 0 }));
    const gate = layer.gate as moe.SigmoidGate;
    torch.noGrad(() => gate.bias.select(0, 4).fill_(5));
    const { experts, weights, logits } = gate.forward(input());
    const scores = rows(logits!.sigmoid());
    for (const [at, chosen] of rows(experts).entries()) {
      expect(chosen[0]).toBe(4);
      const own = chosen.map((expert) => scores[at][expert]);
      expect(rows(weights)[at][0]).toBeCloseTo((2.5 * own[0]) / sum(own), 4);
    }
  });

  test("biases move against the load until it is even", () => {
    const layer = layerOf(moe.sigmoidGate({ std: 0.5, biasUpdateRate: 0.02 }));
    const x = torch.randn([400, sizes.dim]).add(0.5);
    const spread = () => {
      const load = layer.routing!.load.toArray() as number[];
      return Math.max(...load) / (sum(load) / load.length);
    };
    layer.train(true);
    layer.forward(x);
    const before = spread();
    for (let at = 0; at < 150; at++) torch.noGrad(() => layer.forward(x));
    expect(before).toBeGreaterThan(1.3);
    expect(spread()).toBeLessThan(1.15);
  });

  test("experts come from the best groups only", () => {
    const maker = moe.sigmoidGate({ std: 1, topK: 2, expertGroups: 3, topKGroups: 1 });
    const { experts, logits } = layerOf(maker).gate.forward(input());
    const scores = rows(logits!);
    for (const [at, chosen] of rows(experts).entries()) {
      const s = scores[at].map((value) => 1 / (1 + Math.exp(-value)));
      const group = best([s[0] + s[1], s[2] + s[3], s[4] + s[5]], 1)[0];
      expect([...chosen].sort()).toEqual([2 * group, 2 * group + 1]);
    }
    expect(() => layerOf(moe.sigmoidGate({ expertGroups: 4 }))).toThrow(/must divide the 6 experts/);
  });
});

describe("DeepSpeed", () => {
  test("RSample draws from the softmax and weighs without noise", () => {
    const layer = layerOf(moe.deepSpeedGate({ k: 1, noisyGatePolicy: "RSample" }));
    const gate = layer.gate as moe.DeepSpeedGate;
    torch.noGrad(() => gate.weight.normal_(0, 0.3));
    layer.train(true);
    const x = torch.randn([1, sizes.dim]).expand([4000, sizes.dim]);
    const { experts, weights, probabilities } = gate.forward(x);
    const share = experts.reshape([-1]).bincount(null, sizes.experts).div(4000);
    expect(share.sub(probabilities!.select(0, 0)).abs().max().item()).toBeLessThan(0.05);
    expect(weights.equal(probabilities!.gather(1, experts))).toBe(true);
    layer.eval();
    expect(rows(gate.forward(x).experts).every(([e]) => e === rows(gate.forward(x).experts)[0][0])).toBe(
      true,
    );
  });

  test("the second of two is drawn, the first is the best", () => {
    const layer = layerOf(moe.deepSpeedGate({ k: 2 }));
    layer.train(true);
    const x = torch.randn([1, sizes.dim]).expand([500, sizes.dim]);
    const { experts, logits } = layer.gate.forward(x);
    const [first] = best(rows(logits!)[0], 1);
    const chosen = rows(experts);
    expect(chosen.every(([a]) => a === first)).toBe(true);
    expect(new Set(chosen.map(([, b]) => b)).size).toBeGreaterThan(2);
  });

  test("capacity is ⌈T·k/E·factor⌉ and at least minCapacity; dropTokens false has none", () => {
    const x = torch.ones([60, sizes.dim]);
    const taken = (options: moe.DeepSpeedGateOptions) => {
      const layer = layerOf(moe.deepSpeedGate(options));
      layer.eval();
      layer.forward(x);
      return Math.max(...(layer.routing!.taken.toArray() as number[]));
    };
    expect(taken({ k: 1, evalCapacityFactor: 1.5 })).toBe(15);
    expect(taken({ k: 2, evalCapacityFactor: 1.5 })).toBe(30);
    expect(taken({ k: 1, evalCapacityFactor: 0.1, minCapacity: 9 })).toBe(9);
    expect(taken({ k: 1, dropTokens: false })).toBe(60);
  });

  test("top-k drops what weighs least, or what comes last", () => {
    const run = (dropPolicy: "probs" | "position") => {
      const layer = layerOf(moe.deepSpeedGate({ k: 3, dropPolicy, evalCapacityFactor: 0.4, minCapacity: 0 }));
      torch.noGrad(() =>
        (layer.gate as moe.DeepSpeedGate).weight.copy_(torch.arange(72).reshape([6, 12]).sin()),
      );
      layer.eval();
      const x = torch
        .arange(tokens * sizes.dim)
        .reshape([tokens, sizes.dim])
        .mul(0.7)
        .cos();
      layer.forward(x);
      const { experts, weights } = layer.gate.forward(x);
      const stayed = rows(layer.routing!.weights);
      const of = (expert: number) =>
        rows(experts).flatMap((chosen, t) =>
          chosen.flatMap((e, c) =>
            e === expert ? [{ t, c, w: rows(weights)[t][c], in: stayed[t][c] > 0 }] : [],
          ),
        );
      return Array.from({ length: sizes.experts }, (_, expert) => of(expert));
    };
    for (const assignments of run("probs")) {
      const out = assignments.filter((each) => !each.in).map((each) => each.w);
      const inside = assignments.filter((each) => each.in).map((each) => each.w);
      if (out.length > 0) expect(Math.max(...out)).toBeLessThanOrEqual(Math.min(...inside) + 1e-6);
    }
    for (const assignments of run("position")) {
      const place = ({ t, c }: { t: number; c: number }) => c * tokens + t;
      const out = assignments.filter((each) => !each.in).map(place);
      const inside = assignments.filter((each) => each.in).map(place);
      if (out.length > 0) expect(Math.min(...out)).toBeGreaterThan(Math.max(...inside));
    }
  });

  test("random token selection drops by chance in training", () => {
    const layer = layerOf(moe.deepSpeedGate({ k: 1, capacityFactor: 0.5, minCapacity: 0 }));
    const x = torch.ones([tokens, sizes.dim]);
    layer.train(true);
    const dropped = () => {
      layer.forward(x);
      return rows(layer.routing!.weights).map(([w]) => w === 0);
    };
    expect(dropped()).not.toEqual(dropped());
    layer.eval();
    expect(dropped()).toEqual(dropped());
  });
});

describe("cosine", () => {
  test("logits are cosines over the temperature", () => {
    const gate = layerOf(moe.cosineGate({ projection: 5, temperature: 0.5 })).gate as moe.CosineGate;
    const x = input();
    const { logits } = gate.forward(x);
    expect(logits!.abs().max().item()).toBeLessThanOrEqual(2 + 1e-4);
    expect(gate.forward(x.mul(100)).logits!.sub(logits!).abs().max().item()).toBeLessThan(1e-3);
  });
});

describe("expert choice", () => {
  test("every expert takes as many tokens, those most probable to it; warns", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const layer = layerOf(moe.expertChoiceGate({ meanExperts: 1.5, std: 1 }));
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/causal decoder/));
    warn.mockRestore();
    const x = input();
    const { experts, probabilities, kept, weights } = layer.gate.forward(x);
    layer.forward(x).sum().backward();
    expect(layer.routing!.taken.toArray()).toEqual(Array(sizes.experts).fill(10));
    expect(layer.routing!.load.toArray()).toEqual(Array(sizes.experts).fill(10));
    const chosen = rows(experts);
    const factors = rows(weights);
    const columns = rows(probabilities!.t());
    const tokensOf: number[][] = columns.map(() => []);
    let most = 1;
    for (const [token, flags] of rows(kept!.to("float32")).entries()) {
      const count = flags.filter(Boolean).length;
      most = Math.max(most, count);
      for (let at = 0; at < count; at++) {
        tokensOf[chosen[token][at]].push(token);
        expect(factors[token][at]).toBeCloseTo(columns[chosen[token][at]][token], 6);
        if (at > 0) expect(factors[token][at]).toBeLessThanOrEqual(factors[token][at - 1]);
      }
    }
    expect(experts.shape[1]).toBe(most);
    for (const [expert, column] of columns.entries()) {
      expect(tokensOf[expert].sort()).toEqual(best(column, 10).sort());
    }
  });
});

describe("hash", () => {
  test("equal tokens meet equal experts, in a model that tells the ids", () => {
    const model = models.moeTransformer({
      ...{ vocab: 50, dim: 16, layers: 2, heads: 2, contextLength: 32, seed: 5 },
      moe: { experts: 6, hidden: 16, gate: moe.hashGate({ topK: 2 }) },
    });
    const ids = Array.from({ length: 32 }, (_, at) => (at * 7) % 13);
    const { experts } = model.routeTokens(ids);
    for (const layer of experts) {
      const of = new Map<number, number[]>();
      for (const [at, chosen] of layer.entries()) {
        expect(new Set(chosen).size).toBe(2);
        expect(of.get(ids[at]) ?? chosen).toEqual(chosen);
        of.set(ids[at], chosen);
      }
      expect(new Set([...of.values()].map(([first]) => first)).size).toBeGreaterThan(3);
    }
    expect(() => layerOf(moe.hashGate()).forward(input())).toThrow(/expected the ids of the 40 tokens/);
  });
});

describe("beside the experts", () => {
  test("a shared expert is added, gated or not", () => {
    for (const gated of [false, true]) {
      const layer = layerOf(moe.softmaxGate(), { sharedExpert: { hidden: 20, gated } });
      const plain = layerOf(moe.softmaxGate());
      plain.loadStateDict(
        Object.fromEntries(Object.entries(layer.stateDict()).filter(([name]) => !name.startsWith("shared"))),
      );
      const x = input();
      const { block, gate } = layer.sharedExpert!;
      const own = gated ? block.forward(x).mul(gate!.forward(x).sigmoid()) : block.forward(x);
      expect(layer.forward(x).sub(plain.forward(x).add(own)).abs().max().item()).toBeLessThan(1e-5);
    }
  });

  test("a residual branch mixes by a learned share", () => {
    const layer = layerOf(moe.softmaxGate(), { residual: true });
    const { block, coefficient } = layer.residual!;
    torch.noGrad(() => {
      coefficient.weight.zero_();
      coefficient.bias!.copy_(torch.tensor([-40, 40]));
    });
    const x = input();
    expect(layer.forward(x).sub(block.forward(x)).abs().max().item()).toBeLessThan(1e-5);
  });

  test("modules of one's own as experts: the same as the kernel's when they are the same", () => {
    const fused = layerOf(moe.softmaxGate());
    const dense = () => new nn.FeedForward({ dim: sizes.dim, hidden: 8 });
    const own = layerOf(moe.softmaxGate(), { hidden: undefined, expert: dense });
    own.gate.loadStateDict(fused.gate.stateDict());
    const weights = fused.experts;
    for (const [at, module] of (own.experts as unknown as moe.ModuleExperts).list.entries()) {
      module.loadStateDict({
        "upProj.weight": weights.upProj.select(0, at),
        "downProj.weight": weights.downProj.select(0, at),
      });
    }
    const x = input();
    expect(own.forward(x).sub(fused.forward(x)).abs().max().item()).toBeLessThan(1e-5);
    expect(() =>
      layerOf(moe.softmaxGate(), { expert: () => new nn.Linear(sizes.dim, 3) }).forward(x),
    ).toThrow(/expected expert \d to give the shape it is given/);
  });

  test("a pyramid has experts of its own number in each layer", () => {
    const options = { vocab: 20, dim: 16, layers: 2, heads: 2, contextLength: 8, seed: 1 };
    const model = models.moeTransformer({ ...options, moe: { experts: [2, 4], hidden: 8 } });
    expect(moe.moeLayers(model).map(([, layer]) => layer.expertCount)).toEqual([2, 4]);
    expect(() => models.moeTransformer({ ...options, moe: { experts: [2], hidden: 8 } })).toThrow(
      /one for each of the 2 MoE layers/,
    );
  });
});

describe("losses", () => {
  // Figures from NumPy's default_rng(0): E = 8, k = 2, T = 4096, logits N(0, 1.5) + linspace(0, 1.5, 8); the logits
  // themselves come from Python in auxLoss.test.ts.
  test("z-loss is the mean of the squared log-partition", () => {
    const logits = torch.tensor([
      [0, 0],
      [Math.log(3), 0],
    ]);
    expect(moe.zLoss(logits).item()).toBeCloseTo((Math.log(2) ** 2 + Math.log(4) ** 2) / 2, 5);
  });

  test("importance is even or it is not", () => {
    const experts = torch.tensor([[0], [1], [2], [3]], { dtype: "int64" });
    const even = moe.importance(torch.ones([4, 1]), experts, 4);
    expect(moe.squaredVariation(even).item()).toBeCloseTo(0, 6);
    const one = moe.importance(torch.ones([4, 1]), torch.zeros([4, 1], { dtype: "int64" }), 4);
    expect(moe.squaredVariation(one).item()).toBeCloseTo(3, 5);
  });

  test("a model adds them up by name", () => {
    const model = models.moeTransformer({
      ...{ vocab: 17, dim: 16, layers: 2, heads: 2, contextLength: 16, seed: 5 },
      moe: { experts: 4, hidden: 16, gate: moe.noisyTopKGate(), zLoss: 1e-3, auxLoss: 1e-2 },
    });
    const ids = torch.randint(17, [4, 17]);
    const { loss, metrics } = model.loss({ inputs: ids.narrow(1, 0, 16), targets: ids.narrow(1, 1, 16) });
    expect(Object.keys(metrics).sort()).toEqual([
      "auxLoss",
      "crossEntropy",
      "importanceLoss",
      "loadLoss",
      "zLoss",
    ]);
    const added = metrics.auxLoss.item() * 1e-2 + metrics.zLoss.item() * 1e-3;
    const own = 0.1 * (metrics.importanceLoss.item() + metrics.loadLoss.item());
    expect(loss.item()).toBeCloseTo(metrics.crossEntropy.item() + 2 * (added + own), 4);
  });
});
