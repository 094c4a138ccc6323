import { describe, expect, test } from "vitest";
import { moe, nn, torch } from "../../src/index.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

const sizes = { dim: 16, hidden: 24, experts: 4 };

function close(a: torch.Tensor, b: torch.Tensor, tolerance = 1e-5): void {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().max().item()).toBeLessThan(tolerance);
}

/** Sends tokens where it is told, with the weights it is told. */
class FixedGate extends moe.Gate {
  constructor(
    readonly experts: number[][],
    readonly weights: torch.Tensor = torch.ones([experts.length, experts[0].length]),
  ) {
    super();
  }
  forward(_x: torch.Tensor): moe.GateOutput {
    return { experts: torch.tensor(this.experts, { dtype: "int64" }), weights: this.weights };
  }
}

/** One expert of a layer, alone. */
function expertOf(layer: moe.MoELayer, at: number, x: torch.Tensor): torch.Tensor {
  const dense = new nn.FeedForward({
    dim: layer.dim,
    hidden: layer.experts.hidden,
    activation: layer.experts.activation,
  });
  dense.loadStateDict({
    "upProj.weight": layer.experts.upProj.select(0, at),
    "downProj.weight": layer.experts.downProj.select(0, at),
  });
  return dense.forward(x);
}

describe("layers that must agree", () => {
  test.each(["gelu", "swiglu"] as const)("one %s expert is the dense block, gradients too", (activation) => {
    const layer = new moe.MoELayer({ ...sizes, experts: 1, activation });
    const dense = new nn.FeedForward({ dim: 16, hidden: 24, activation });
    dense.loadStateDict({
      "upProj.weight": layer.experts.upProj.select(0, 0),
      "downProj.weight": layer.experts.downProj.select(0, 0),
    });
    const x = torch.randn([10, 16]);
    const ours = layer.forward(x);
    const theirs = dense.forward(x);
    close(ours, theirs);
    ours.square().sum().backward();
    theirs.square().sum().backward();
    close(layer.experts.upProj.grad!.select(0, 0), dense.upProj.weight.grad!, 1e-4);
    close(layer.experts.downProj.grad!.select(0, 0), dense.downProj.weight.grad!, 1e-4);
  });

  test("kept and recomputed hidden units, to the bit", () => {
    const [kept, recomputed] = [false, true].map((recompute) => new moe.MoELayer({ ...sizes, recompute }));
    recomputed.loadStateDict(kept.stateDict());
    const x = torch.randn([10, 16]);
    const gradients = [kept, recomputed].map((layer) => {
      layer.forward(x).square().sum().backward();
      return layer.parameters().map((parameter) => parameter.grad!);
    });
    expect(recomputed.experts.recompute).toBe(true);
    gradients[0].forEach((gradient, at) => {
      expect(gradient.equal(gradients[1][at])).toBe(true);
    });
  });

  test("a capacity that drops nothing is dropless", () => {
    const layer = new moe.MoELayer(sizes);
    const x = torch.randn([33, 16]);
    const dropless = layer.forward(x);
    layer.capacity.capacityFactor = 4;
    expect(layer.forward(x).toArray()).toEqual(dropless.toArray());
  });

  test("the sum over chosen experts, weighted", () => {
    const weights = torch.tensor([
      [0.5, 0.25],
      [1, 2],
    ]);
    const layer = new moe.MoELayer({
      ...sizes,
      gate: new FixedGate(
        [
          [3, 1],
          [0, 3],
        ],
        weights,
      ),
    });
    const x = torch.randn([2, 16]);
    const row = (token: number, first: number, second: number) =>
      expertOf(layer, first, x)
        .select(0, token)
        .mul((weights.toArray() as number[][])[token][0])
        .add(
          expertOf(layer, second, x)
            .select(0, token)
            .mul((weights.toArray() as number[][])[token][1]),
        );
    close(layer.forward(x), torch.stack([row(0, 3, 1), row(1, 0, 3)]));
  });

  test("the loop over experts equals the grouped product", () => {
    const layer = new moe.MoELayer(sizes);
    const x = torch.randn([20, 16]);
    const grouped = layer.forward(x);
    layer.to("float64"); // which the grouped product does not take
    close(layer.forward(x.double()).float(), grouped);
  });

  test("leading dimensions are tokens", () => {
    const layer = new moe.MoELayer(sizes);
    const x = torch.randn([2, 3, 16]);
    close(layer.forward(x).view([6, 16]), layer.forward(x.view([6, 16])));
  });

  test("bfloat16 experts with a float32 gate stay near float32", () => {
    const layer = new moe.MoELayer(sizes);
    const x = torch.randn([32, 16]);
    const full = layer.forward(x);
    const chosen = layer.routing!.experts.toArray();
    layer.experts.to("bfloat16");
    const half = layer.forward(x.bfloat16());
    expect(half.dtype).toBe("bfloat16");
    if (JSON.stringify(chosen) === JSON.stringify(layer.routing!.experts.toArray()))
      close(half.float(), full, 0.02);
    half.float().sum().backward();
    expect(layer.experts.upProj.grad?.dtype).toBe("bfloat16");
    expect(layer.gate.parameters()[0].grad?.dtype).toBe("float32");
  });
});

describe("autocast", () => {
  test("experts compute in bfloat16, the gate in float32, gradients are float32", () => {
    const layer = new moe.MoELayer({ ...sizes, auxLoss: 0.1 });
    const x = torch.randn([32, 16]);
    const full = layer.forward(x);
    const before = layer.routing!.weights.toArray();
    const half = torch.autocast("bfloat16", () => layer.forward(x));
    expect(half.dtype).toBe("bfloat16");
    expect(layer.routing!.weights.toArray()).toEqual(before);
    close(half.float(), full, 0.02);
    half.float().sum().add(layer.auxLoss!).backward();
    for (const parameter of layer.parameters()) expect(parameter.grad!.dtype).toBe("float32");
  });

  test("an inner part can be left out, the mode is back afterwards", () => {
    const x = torch.ones([1, 1]);
    torch.autocast("bfloat16", () => {
      expect(torch.autocastDtype()).toBe("bfloat16");
      expect(torch.withoutAutocast(() => x.matmul(x).dtype)).toBe("float32");
      expect(x.matmul(x).dtype).toBe("bfloat16");
    });
    expect(torch.autocastDtype()).toBeNull();
  });
});

describe("edges", () => {
  test.each([
    ["one token", 1, 4, 2],
    ["fewer tokens than experts", 2, 8, 2],
    ["all experts for each token", 5, 4, 4],
    ["one expert", 5, 1, 1],
    ["no token", 0, 4, 2],
  ])("%s: forward and backward", (_, tokens, experts, topK) => {
    const layer = new moe.MoELayer({ ...sizes, experts, topK, auxLoss: 0.1, capacityFactor: 2 });
    const x = torch.randn([tokens, 16]).requiresGrad_();
    const y = layer.forward(x);
    expect(y.shape).toEqual([tokens, 16]);
    y.square().sum().add(layer.auxLoss!).backward();
    expect(x.grad!.isfinite().all().item()).toBe(true);
    expect(layer.routing!.load.sum().item()).toBe(tokens * topK);
    for (const [name, parameter] of layer.namedParameters()) {
      if (tokens > 0) expect(parameter.grad!.isfinite().all().item(), name).toBe(true);
    }
  });

  test("experts without a token have gradients of 0", () => {
    const layer = new moe.MoELayer({ ...sizes, gate: new FixedGate([[1], [1], [1]]) });
    layer
      .forward(torch.randn([3, 16]))
      .sum()
      .backward();
    const perExpert = layer.experts.upProj.grad!.abs().sum([1, 2]).toArray() as number[];
    expect(perExpert.map((sum) => sum > 0)).toEqual([false, true, false, false]);
  });
});

describe("capacity", () => {
  // ⌈6·2/4 · 0.5⌉ = 2 for each expert.
  const chosen = [
    [0, 1],
    [0, 1],
    [0, 1],
    [1, 0],
    [2, 0],
    [2, 3],
  ];
  const kept = [
    [1, 1],
    [1, 0],
    [0, 0],
    [1, 0],
    [1, 0],
    [1, 1],
  ];

  test("first choices come before second ones, earlier tokens before later ones", () => {
    const layer = new moe.MoELayer({ ...sizes, gate: new FixedGate(chosen), capacityFactor: 0.5 });
    const x = torch.randn([6, 16]);
    const y = layer.forward(x);
    expect(layer.routing!.weights.toArray()).toEqual(kept);
    expect(layer.routing!.load.toArray()).toEqual([5, 4, 2, 1]);
    expect(layer.routing!.taken.toArray()).toEqual([2, 2, 2, 1]);
    const answers = [0, 1, 2, 3].map((expert) => expertOf(layer, expert, x));
    const rows = chosen.map((experts, token) =>
      experts
        .map((expert, choice) => answers[expert].select(0, token).mul(kept[token][choice]))
        .reduce((a, b) => a.add(b)),
    );
    close(y, torch.stack(rows));
    expect(y.select(0, 2).abs().max().item()).toBe(0);
  });

  test("may differ outside of training", () => {
    const gate = new FixedGate(chosen);
    const layer = new moe.MoELayer({ ...sizes, gate, capacityFactor: 0.5, evalCapacityFactor: null });
    layer.eval().forward(torch.randn([6, 16]));
    expect(layer.routing!.taken.toArray()).toEqual([5, 4, 2, 1]);
  });
});

describe("gradients", () => {
  test.each([
    ["gelu", true, null],
    ["gelu", false, 1],
    ["swiglu", true, 1],
    ["swiglu", false, null],
  ] as const)(
    "%s, renormalise %s, capacity factor %s: equal finite differences",
    (activation, renormalise, capacityFactor) => {
      torch.manualSeed(3);
      const layer = new moe.MoELayer({
        ...{ dim: 3, hidden: 4, experts: 3, activation, capacityFactor },
        gate: moe.softmaxGate({ topK: 2, renormalise, std: 1 }),
        auxLoss: { normalisation: "gshard", coefficient: 1 },
      }).to("float64");
      const x = torch.randn([5, 3], { dtype: "float64" }).requiresGrad_();
      const projection = torch.randn([5, 3], { dtype: "float64" });
      const value = () => layer.forward(x).mul(projection).sum().add(layer.auxLoss!);
      value().backward();
      const step = 1e-6;
      for (const tensor of [x, ...layer.parameters()]) {
        const values = tensor.detach().asTypedArray() as Float64Array;
        const gradient = tensor.grad!.contiguous().asTypedArray() as Float64Array;
        for (let at = 0; at < values.length; at++) {
          const before = values[at];
          values[at] = before + step;
          const above = torch.noGrad(value).item();
          values[at] = before - step;
          const below = torch.noGrad(value).item();
          values[at] = before;
          expect(gradient[at]).toBeCloseTo((above - below) / (2 * step), 6);
        }
      }
    },
  );

  test("a renormalised weight leaves the gate its gradient, a raw one too", () => {
    for (const renormalise of [true, false]) {
      const layer = new moe.MoELayer({ ...sizes, gate: moe.softmaxGate({ topK: 2, renormalise }) });
      layer
        .forward(torch.randn([8, 16]))
        .square()
        .sum()
        .backward();
      expect(layer.gate.parameters()[0].grad!.abs().max().item()).toBeGreaterThan(0);
    }
  });
});

describe("routing of the last pass", () => {
  test("outlives the training step, and only until the next pass", () => {
    const layer = new moe.MoELayer(sizes);
    torch.tidy(() => void layer.forward(torch.randn([7, 16])));
    const first = layer.routing!;
    expect(first.experts.shape).toEqual([7, 2]);
    expect(first.weights.sum(1).toArray()).toEqual(Array.from({ length: 7 }, () => expect.closeTo(1, 5)));
    expect(first.weights.requiresGrad).toBe(false);
    layer.forward(torch.randn([3, 16]));
    expect(first.experts.disposed && first.weights.disposed && first.load.disposed).toBe(true);
    expect(layer.routing!.experts.shape).toEqual([3, 2]);
  });

  test("steps do not leak", () => {
    const layer = new moe.MoELayer({ ...sizes, auxLoss: 0.1, capacityFactor: 1 });
    const step = () =>
      torch.tidy(() => {
        layer.zeroGrad();
        layer
          .forward(torch.randn([7, 16]))
          .sum()
          .add(layer.auxLoss!)
          .backward();
      });
    step();
    torch.collectGarbage();
    const before = torch.memoryUsage().tensors;
    for (let at = 0; at < 20; at++) step();
    torch.collectGarbage();
    expect(torch.memoryUsage().tensors).toBe(before);
  });

  test("of all layers of a model, by name", () => {
    const model = new nn.Sequential(new moe.MoELayer(sizes), new nn.Dropout(0), new moe.MoELayer(sizes));
    model.forward(torch.randn([4, 16]));
    expect(moe.routing(model).map(({ layer }) => layer)).toEqual(["layers.0", "layers.2"]);
  });
});

describe("misuse", () => {
  class Shapeless extends moe.Gate {
    constructor(readonly output: moe.GateOutput) {
      super();
    }
    forward(): moe.GateOutput {
      return this.output;
    }
  }
  const ids = (shape: number[]) => torch.zeros(shape, { dtype: "int64" });
  const run = (gate: moe.Gate, auxLoss?: number) =>
    new moe.MoELayer({ ...sizes, gate, auxLoss }).forward(torch.zeros([3, 16]));

  test.each<[string, () => unknown, RegExp]>([
    ["too many choices", () => new moe.MoELayer({ ...sizes, topK: 5 }), /topK 5 and 4 experts/],
    [
      "two values of k",
      () => new moe.MoELayer({ ...sizes, topK: 1, gate: moe.softmaxGate({ topK: 2 }) }),
      /one place/,
    ],
    [
      "misspelt",
      () => new moe.MoELayer({ ...sizes, capacityFacto: 1 } as never),
      /did you mean 'capacityFactor'/,
    ],
    [
      "capacity",
      () => new moe.MoELayer({ ...sizes, capacityFactor: Number.NaN }),
      /capacityFactor must be a finite number/,
    ],
    [
      "loss",
      () => new moe.MoELayer({ ...sizes, auxLoss: { normalisation: "x" as never, coefficient: 1 } }),
      /"gshard" or/,
    ],
    [
      "gate",
      () => new moe.MoELayer({ ...sizes, gate: {} as never }),
      /gate must be a moe.Gate or a function/,
    ],
    ["input", () => new moe.MoELayer(sizes).forward(torch.zeros([3, 8])), /\[\.\.\., 16\], got \[3, 8\]/],
    ["k of topK", () => moe.topK(torch.zeros([3, 2]), 3), /must not exceed the 2 experts, got 3/],
    [
      "experts of a gate",
      () => run(new Shapeless({ experts: ids([2, 1]), weights: torch.ones([2, 1]) })),
      /int64 \[3, k\]/,
    ],
    [
      "weights of a gate",
      () => run(new Shapeless({ experts: ids([3, 2]), weights: torch.ones([3, 1]) })),
      /\[3, 2\], got \[3, 1\]/,
    ],
    [
      "loss without probabilities",
      () => run(new Shapeless({ experts: ids([3, 1]), weights: torch.ones([3, 1]) }), 0.1),
      /probabilities, which Shapeless.forward does not give/,
    ],
    [
      "expert out of range",
      () => run(new Shapeless({ experts: ids([3, 1]).fill_(7), weights: torch.ones([3, 1]) })),
      /experts\[0, 0\] is 7, expected 0 to 3/,
    ],
  ])("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
