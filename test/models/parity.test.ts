import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { models, moe, torch } from "../../src/index.js";
import { runPython } from "../python/run.js";
import { readTensorFile, writeTensorFile } from "../python/tensorFile.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

/** What the cases vary; see parity.py for what each means. */
interface Case {
  activation: "gelu" | "swiglu";
  capacityFactor: number | null;
  renormalise: boolean;
  normalisation: moe.AuxLossNormalisation;
  tieEmbeddings: boolean;
  topK: number;
  every: number;
  kvHeads: number;
  /** Where ATen's grouped product refuses the sizes, a loop over the experts runs instead. */
  hidden: number;
}

const usual: Case = {
  activation: "swiglu",
  capacityFactor: null,
  renormalise: true,
  normalisation: "megatron",
  tieEmbeddings: false,
  topK: 2,
  every: 1,
  kvHeads: 4,
  hidden: 24,
};
const cases: Record<string, Case> = {
  "swiglu, dropless, renormalised": usual,
  "gelu, HF loss": { ...usual, activation: "gelu", normalisation: "huggingFace" },
  "swiglu, capacity, GShard loss": { ...usual, capacityFactor: 0.75, normalisation: "gshard" },
  "gelu, capacity 1.25, not renormalised": {
    ...usual,
    activation: "gelu",
    capacityFactor: 1.25,
    renormalise: false,
  },
  "tied, grouped-query attention, not renormalised": {
    ...usual,
    tieEmbeddings: true,
    kvHeads: 2,
    renormalise: false,
  },
  "top-1 with capacity (Switch)": {
    ...usual,
    topK: 1,
    renormalise: false,
    capacityFactor: 1,
    normalisation: "gshard",
  },
  "top-3, HF loss, tied": { ...usual, topK: 3, normalisation: "huggingFace", tieEmbeddings: true },
  "every other layer (GLaM)": { ...usual, every: 2, normalisation: "gshard" },
  "hidden size that the grouped product refuses": { ...usual, hidden: 23, capacityFactor: 1 },
};

const coefficient = 0.1;
const vocab = 40;
const layers = 2;

function build(settings: Case) {
  const {
    activation,
    capacityFactor,
    renormalise,
    normalisation,
    tieEmbeddings,
    topK,
    every,
    kvHeads,
    hidden,
  } = settings;
  const model = models.moeTransformer({
    ...{ vocab, dim: 32, layers, heads: 4, kvHeads, contextLength: 16, hidden: 48, tieEmbeddings, seed: 11 },
    moe: {
      ...{ experts: 5, hidden, every, activation, capacityFactor },
      gate: moe.softmaxGate({ topK, renormalise, std: 0.5 }),
      auxLoss: { normalisation, coefficient },
    },
  });
  // Larger than initial weights, so that no term of a gradient drowns in rounding.
  torch.noGrad(() => {
    for (const [name, parameter] of model.namedParameters()) {
      if (parameter.ndim === 1) parameter.add_(torch.randnLike(parameter).mul(0.1));
      else if (!name.includes("gate")) parameter.mul_(8);
    }
  });
  return model;
}

/** Largest difference, relative to the largest value. */
function relativeError(ours: torch.Tensor, theirs: torch.Tensor): number {
  expect(ours.shape).toEqual(theirs.shape);
  const scale = theirs.abs().max().item();
  const difference = ours.detach().sub(theirs).abs().max().item();
  return scale === 0 ? difference : difference / scale;
}

const batches = Object.entries(cases).map(([name, settings]) => {
  const model = build(settings);
  const ids = torch.randint(vocab, [3, 12]);
  const targets = torch.randint(vocab, [3, 12]);
  targets.narrow(1, 0, 1).fill_(-100);
  return { name, settings, model, ids, targets };
});
const folder = mkdtempSync(join(tmpdir(), "moelab-parity-"));
const fileOf = (at: number) => join(folder, String(at));

beforeAll(() => {
  for (const [at, { settings, model, ids, targets }] of batches.entries()) {
    const { kvHeads, topK, capacityFactor, renormalise, normalisation, activation, every } = settings;
    writeTensorFile(fileOf(at), {
      info: {
        ...{ layers, heads: 4, kvHeads, ropeTheta: 10000, normEps: 1e-5 },
        moe: { experts: 5, topK, capacityFactor, renormalise, normalisation, activation, every, coefficient },
      },
      tensors: { ...Object.fromEntries(model.namedParameters()), ids, targets },
    });
  }
  runPython(join(import.meta.dirname, "parity.py"), ...batches.map((_, at) => fileOf(at)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("logits, loss and gradients equal those of plain PyTorch", () => {
  test.each(batches.map((batch, at) => [batch.name, batch, at] as const))("%s", (_, batch, at) => {
    const { model, ids, targets, settings } = batch;
    const { info, tensors } = readTensorFile(`${fileOf(at)}.answer`);
    const logits = model.forward(ids);
    const { loss, metrics } = model.loss({ inputs: ids, targets });
    loss.backward();

    const limit = 1e-4;
    expect(relativeError(logits, tensors.logits)).toBeLessThan(limit);
    expect(relativeError(loss, tensors.loss)).toBeLessThan(limit);
    expect(relativeError(metrics.crossEntropy, tensors.crossEntropy)).toBeLessThan(limit);
    expect(relativeError(metrics.auxLoss, tensors.auxLoss)).toBeLessThan(limit);
    for (const [name, parameter] of model.namedParameters()) {
      const gradient = parameter.grad;
      if (!gradient) throw new Error(`${name} has no gradient`);
      expect(gradient.abs().max().item(), `${name} has a gradient`).toBeGreaterThan(0);
      expect(relativeError(gradient, tensors[`gradient ${name}`]), name).toBeLessThan(limit);
    }
    const dropped = model
      .routing()
      .map(({ load, taken }) => load.sum().item() - taken.sum().item())
      .reduce((a, b) => a + b);
    expect(dropped).toBe(info.dropped);
    if (settings.capacityFactor !== null && settings.capacityFactor <= 1) expect(dropped).toBeGreaterThan(0);
  });
});
