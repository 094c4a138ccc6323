import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as models from "../../src/models/index.js";
import * as moe from "../../src/moe/index.js";
import * as nn from "../../src/nn/index.js";
import * as torch from "../../src/torch/index.js";
import { root } from "../python/run.js";

torch.setThreads(1);

const gates = {
  "sigmoid, with a bias that passes change": moe.sigmoidGate({ topK: 2, biasUpdateRate: 0.1 }),
  "noisy, with random numbers": moe.noisyTopKGate({ topK: 2 }),
  "hash, by token ids": moe.hashGate({ topK: 2 }),
};

type Options = Partial<models.MoETransformerOptions>;

function build(gate: moe.GateMaker, options: Options): models.MoETransformer {
  return models.moeTransformer({
    ...{ vocab: 40, dim: 32, layers: 3, heads: 2, contextLength: 16, dropout: 0.2, seed: 3, ...options },
    moe: { experts: 4, topK: 2, gate, zLoss: gate === gates["hash, by token ids"] ? 0 : 0.01 },
  });
}

const batch = () => {
  torch.manualSeed(5);
  return {
    inputs: torch.randint(0, 40, [4, 16], { dtype: "int64" }),
    targets: torch.randint(0, 40, [4, 16], { dtype: "int64" }),
  };
};

/** All that two passes leave: losses, gradients, buffers, and what the generator gives next. */
function trace(model: models.MoETransformer, bf16: boolean): Record<string, unknown> {
  const loss = () => model.loss(batch());
  const losses = [1, 2].map((seed) => {
    torch.manualSeed(seed);
    const report = bf16 ? torch.autocast("bfloat16", loss) : loss();
    report.loss.backward();
    return [report.loss.item(), ...Object.values(report.metrics).map((metric) => metric.item())];
  });
  const arrays = (tensors: [string, torch.Tensor | null][]) =>
    tensors.map(([name, tensor]) => [name, tensor?.toArray()]);
  return {
    losses,
    gradients: arrays(model.namedParameters().map(([name, { grad }]) => [name, grad])),
    buffers: arrays(model.namedBuffers()),
    load: model.routing().map(({ load }) => load.toArray()),
    next: torch.rand([4]).toArray(),
  };
}

test.each(Object.entries(gates))("%s: losses and gradients are the same to the bit", (_, gate) => {
  for (const bf16 of [false, true]) {
    const kept = trace(build(gate, {}), bf16);
    for (const recomputeInterval of [1, 2]) {
      expect(trace(build(gate, { recomputeInterval }), bf16)).toEqual(kept);
    }
  }
});

test("a loss over all layers together keeps its history", () => {
  const make = (recomputeInterval: number) =>
    models.moeTransformer({
      ...{ vocab: 40, dim: 32, layers: 3, heads: 2, contextLength: 16, seed: 3, recomputeInterval },
      moe: {
        experts: 4,
        topK: 2,
        auxLoss: { coefficient: 0.1, normalisation: "huggingFace", pooled: true },
      },
    });
  expect(trace(make(1), false)).toEqual(trace(make(0), false));
});

test("torch.grad goes through it, and gives no gradient where none is wanted", () => {
  const block = new nn.FeedForward({ dim: 8, hidden: 16, activation: "gelu" });
  block.downProj.weight.requiresGrad = false;
  const x = torch.rand([3, 8]).requiresGrad_();
  const plain = torch.grad(block.forward(x).sum(), [x, block.upProj.weight]);
  const again = torch.grad(nn.recompute(block, (x) => block.forward(x), x).sum(), [x, block.upProj.weight]);
  expect(again.map((each) => each?.toArray())).toEqual(plain.map((each) => each?.toArray()));
  expect(block.upProj.weight.grad).toBeNull();
});

test("without gradients it is the pass itself", () => {
  const linear = new nn.Linear(4, 4);
  const x = torch.rand([2, 4]);
  const out = torch.noGrad(() => nn.recompute(linear, (x) => linear.forward(x), x));
  expect(out.requiresGrad).toBe(false);
  expect(out.toArray()).toEqual(linear.forward(x).toArray());
});

test("two passes need retainGraph; second derivatives are refused; an input changed in between is noticed", () => {
  const linear = new nn.Linear(4, 4);
  const x = torch.rand([2, 4]).requiresGrad_();
  const run = (input: torch.Tensor) => nn.recompute(linear, (x) => linear.forward(x).tanh(), input).sum();
  const twice = run(x);
  twice.backward(undefined, { retainGraph: true });
  const once = linear.weight.grad!.clone();
  twice.backward();
  expect(torch.allclose(linear.weight.grad!, once.mul(2))).toBe(true);
  expect(() => twice.backward()).toThrow(/retainGraph/);
  expect(() => torch.grad(run(x), [x], { createGraph: true })).toThrow(/no second derivatives/);
  const input = x.mul(1);
  const changed = run(input);
  torch.noGrad(() => input.add_(1));
  expect(() => changed.backward()).toThrow(/modified by an inplace operation/);
});

test("an error in the second run is the backward pass's, and a later pass works", () => {
  const linear = new nn.Linear(4, 4);
  let calls = 0;
  const body = (x: torch.Tensor) => {
    if (++calls === 2) throw new Error("no second time");
    return linear.forward(x);
  };
  const x = torch.rand([2, 4]);
  expect(() => nn.recompute(linear, body, x).sum().backward()).toThrow("no second time");
  expect(torch.isGradEnabled()).toBe(true);
  nn.recompute(linear, body, x).sum().backward();
  expect(linear.weight.grad).not.toBeNull();
});

test("it takes less memory", () => {
  const peak = (interval: number): number => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(root, "test/nn/recomputeMemory.mjs"), String(interval)],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(stderr);
    return Number(stdout);
  };
  // 8 layers keep some 20 activations of 1.5 MiB each; what the allocator keeps varies.
  expect(peak(0) - peak(1)).toBeGreaterThan(60 * 2 ** 20);
});
