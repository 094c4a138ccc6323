import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { models, moe, torch } from "../../src/index.js";
import { evaluatePython, runPython } from "../python/run.js";
import { readTensorFile, writeTensorFile } from "../python/tensorFile.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

const fixture = `
import sys, numpy, torch, tensor_file
random = numpy.random.default_rng(0)
logits = random.normal(0, 1.5, (4096, 8)) + numpy.linspace(0, 1.5, 8)
tensor_file.write(sys.argv[1], None, {"logits": torch.from_numpy(logits)})
`;

function fixtureLogits(): torch.Tensor {
  const folder = mkdtempSync(join(tmpdir(), "moelab-aux-"));
  try {
    const path = join(folder, "logits");
    evaluatePython(fixture, path);
    return readTensorFile(path).tensors.logits;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("load-balancing losses", () => {
  test("have the known values of skewed logits", () => {
    const probabilities = fixtureLogits().softmax(-1);
    const { experts } = moe.topK(probabilities, 2);
    const loss = (normalisation: moe.AuxLossNormalisation) =>
      moe.loadBalancingLoss(probabilities, experts, normalisation).item();
    expect(loss("gshard")).toBeCloseTo(1.1948, 4);
    expect(loss("megatron")).toBeCloseTo(1.1539, 4);
    expect(loss("huggingFace")).toBeCloseTo(2.3078, 4);
  });

  test("importance and z-loss have the known values of these logits, too", () => {
    const logits = fixtureLogits();
    const { experts, weights } = moe.topK(logits.softmax(-1), 2);
    const shares = moe.importance(weights.div(weights.sum(1, true)), experts, 8);
    // FastMoE divides by E - 1 in the variance.
    expect(moe.squaredVariation(shares).item() * (8 / 7)).toBeCloseTo(0.2607, 4);
    expect(moe.zLoss(logits).item()).toBeCloseTo(14.81, 2);
  });

  const balanced = { gshard: 1, megatron: 1, huggingFace: 2, deepSeekSequence: 1 };
  const collapsed = { gshard: 4, megatron: 2, huggingFace: 4, deepSeekSequence: 2 };
  test.each(moe.auxLossNormalisations)("%s: perfect balance, all on one expert", (normalisation) => {
    const experts = torch.tensor(
      [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 0],
      ],
      { dtype: "int64" },
    );
    // Barely more for the chosen: a loss that chooses by probability chooses the same.
    const even = torch.full([4, 4], 0.25).scatterAdd(1, experts, torch.full([4, 2], 1e-6));
    expect(moe.loadBalancingLoss(even, experts, normalisation).item()).toBeCloseTo(balanced[normalisation]);
    const first = torch.tensor([[1, 1e-9, 0, 0]]).expand([4, 4]);
    const chosen = torch.tensor([[0, 1]], { dtype: "int64" }).expand([4, 2]);
    expect(moe.loadBalancingLoss(first, chosen, normalisation).item()).toBeCloseTo(collapsed[normalisation]);
  });

  test.each(moe.auxLossNormalisations)("%s: of no tokens is 0", (normalisation) => {
    const none = torch.zeros([0, 2], { dtype: "int64" });
    expect(moe.loadBalancingLoss(torch.zeros([0, 4]), none, normalisation).item()).toBe(0);
  });
});

/** 3 layers of 4 sequences of 10 tokens, 6 experts, skewed differently in each layer. */
function layersOfLogits(): torch.Tensor[] {
  torch.manualSeed(11);
  return [0, 1, 2].map((layer) =>
    torch
      .randn([4, 10, 6])
      .mul(1.5)
      .add(torch.arange(6).mul(0.4 * (layer - 1))),
  );
}

describe("as other systems compute them", () => {
  const k = 2;
  const folder = mkdtempSync(join(tmpdir(), "moelab-aux-"));
  const path = join(folder, "logits");
  let theirs: Record<string, torch.Tensor>;
  beforeAll(() => {
    const logits = layersOfLogits();
    const tensors = Object.fromEntries(logits.map((layer, at) => [`logits_${at}`, layer]));
    writeTensorFile(path, { info: { k }, tensors });
    runPython(join(import.meta.dirname, "auxLoss.py"), path);
    theirs = readTensorFile(`${path}.answer`).tensors;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function expectSame(name: string, loss: torch.Tensor, logits: torch.Tensor[]): void {
    expect(loss.item()).toBeCloseTo(theirs[name].item(), 5);
    loss.backward();
    for (const [at, { grad }] of logits.entries()) {
      const difference = grad!.sub(theirs[`${name}.gradient_${at}`]).abs().max().item();
      expect(difference, `gradient of layer ${at}`).toBeLessThan(1e-6);
    }
  }

  test.each(["mixtral", "olmoe"])("transformers' %s, pooled over layers", (name) => {
    const logits = layersOfLogits().map((layer) => layer.requiresGrad_());
    const terms = logits.map((layer) => {
      const probabilities = layer.view([-1, 6]).softmax(-1);
      return { probabilities, experts: moe.topK(probabilities, k).experts };
    });
    expectSame(name, moe.pooledLoadBalancingLoss(terms, "huggingFace"), logits);
    const perLayer = terms.map(({ probabilities, experts }) =>
      moe.loadBalancingLoss(probabilities, experts, "huggingFace").item(),
    );
    const mean = perLayer.reduce((sum, value) => sum + value) / 3;
    expect(Math.abs(mean - theirs[name].item())).toBeGreaterThan(0.05); // pooling makes a difference
  });

  test("DeepSeek-V3's, sequence by sequence, whatever a bias made the gate choose", () => {
    const logits = layersOfLogits().map((layer) => layer.requiresGrad_());
    const losses = logits.map((layer) => {
      const scores = layer.view([-1, 6]).sigmoid();
      const { experts, probabilities } = moe.topK(scores.detach().add(torch.arange(6)), k, {
        weights: scores,
      });
      return moe.loadBalancingLoss(probabilities!, experts, "deepSeekSequence", undefined, 4);
    });
    expectSame("deepseek", losses[0].add(losses[1]).add(losses[2]), logits);
  });
});

describe("in a model", () => {
  const options = { vocab: 17, dim: 16, layers: 3, heads: 2, contextLength: 8, seed: 5 };
  const batch = () => {
    torch.manualSeed(2);
    const ids = torch.randint(17, [4, 9]);
    return { inputs: ids.narrow(1, 0, 8), targets: ids.narrow(1, 1, 8) };
  };

  test("pooled: one loss over the tokens of all layers", () => {
    const auxLoss = { normalisation: "huggingFace", coefficient: 0.5, pooled: true } as const;
    const model = models.moeTransformer({ ...options, moe: { experts: 4, hidden: 8, auxLoss } });
    const { loss, metrics } = model.loss(batch());
    const terms = model.routing().map(({ probabilities, experts }) => ({
      probabilities: probabilities!,
      experts,
    }));
    const expected = moe.pooledLoadBalancingLoss(terms, "huggingFace").item();
    expect(metrics.auxLoss.item()).toBeCloseTo(expected, 5);
    expect(loss.item()).toBeCloseTo(metrics.crossEntropy.item() + 0.5 * expected, 5);
    loss.backward();
    for (const [, { gate }] of moe.moeLayers(model)) {
      expect(gate.parameters()[0].grad!.abs().max().item()).toBeGreaterThan(0);
    }
    expect(model.layers[0].feedForward.toString()).toContain("auxLoss: 0.5 (huggingFace, pooled)");
  });

  test("pooled, with layers that the backward pass runs again: the same loss and gradients", () => {
    const auxLoss = { normalisation: "megatron", coefficient: 0.5, pooled: true } as const;
    const [kept, again] = [0, 1].map((recomputeInterval) => {
      const model = models.moeTransformer({
        ...options,
        recomputeInterval,
        moe: { experts: 4, hidden: 8, auxLoss },
      });
      const { loss } = model.loss(batch());
      loss.backward();
      return { loss: loss.item(), gradients: model.parameters().map(({ grad }) => grad!.reshape([-1])) };
    });
    expect(again.loss).toBeCloseTo(kept.loss, 6);
    const difference = torch.cat(again.gradients).sub(torch.cat(kept.gradients)).abs().max().item();
    expect(difference).toBeLessThan(1e-6);
  });

  test("pooled over layers with different numbers of experts is refused", () => {
    const auxLoss = { normalisation: "megatron", coefficient: 0.1, pooled: true } as const;
    const model = models.moeTransformer({ ...options, moe: { experts: [4, 4, 2], hidden: 8, auxLoss } });
    expect(() => model.loss(batch())).toThrow(/as many in each; got 4 and 2/);
    const both = { normalisation: "deepSeekSequence", coefficient: 0.1, pooled: true } as const;
    expect(() => new moe.MoELayer({ dim: 4, hidden: 4, experts: 2, auxLoss: both })).toThrow(/choose one/);
  });

  test("DeepSeek-V3's: a layer knows the sequences from its input's shape", () => {
    const auxLoss = { normalisation: "deepSeekSequence", coefficient: 1e-4 } as const;
    const layer = new moe.MoELayer({ dim: 8, hidden: 8, experts: 4, gate: moe.sigmoidGate(), auxLoss });
    const x = torch.randn([3, 5, 8]);
    layer.forward(x);
    const whole = layer.auxLoss!.item();
    const apart = [0, 1, 2].map((sequence) => {
      layer.forward(x.select(0, sequence));
      return layer.auxLoss!.item();
    });
    expect(whole).toBeCloseTo((apart[0] + apart[1] + apart[2]) / 3, 5);
    layer.forward(x.view([15, 8])); // one sequence
    expect(Math.abs(layer.auxLoss!.item() - whole)).toBeGreaterThan(1e-4);
  });
});
