import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Python } from "../../bench/harness/python.js";
import { makeBoth, type OlmoeSizes, randomIds } from "../../bench/olmoe.js";
import { type models, torch } from "../../src/index.js";
import { AdamW } from "../../src/train/optimizers/adam.js";
import { trainStep } from "../../src/train/trainStep.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

const sizes: OlmoeSizes = {
  ...{ vocab: 97, dim: 32, hidden: 24, layers: 2, heads: 4 },
  ...{ experts: 5, topK: 2, contextLength: 64 },
};

/** The models that `bench train` and `bench decode` compare are the same. */
describe("OlmoeForCausalLM of transformers", () => {
  let python: Python;
  let model: models.MoETransformer;
  const ids = randomIds(sizes.vocab, 3, 21);
  const all = torch.tensor(ids, { dtype: "int64" });
  const batch = { inputs: all.narrow(1, 0, 20), targets: all.narrow(1, 1, 20) };

  beforeAll(async () => {
    python = await Python.start("bench/olmoe.py");
    model = await makeBoth(python, sizes);
  }, 120_000);
  afterAll(() => python.stop());

  test("gives the same loss with the same weights", async () => {
    const theirs = await python.call("loss", { ids });
    expect(model.loss(batch).loss.item()).toBeCloseTo(theirs, 5);
  });

  test("generates the same tokens", async () => {
    await python.call("prepare_decoding", { dtype: "float32", experts: "grouped_mm" });
    const prompt = ids[0].slice(0, 7);
    const [, theirs] = await python.call<[number, number[]]>("decode", { prompt, count: 20 });
    expect(model.generate(prompt, { maxNewTokens: 20, temperature: 0 }).slice(7)).toEqual(theirs);
  });

  // Last: it changes the weights of both.
  test("trains alike: forward, backward, clipping, AdamW", async () => {
    const lr = 1e-3;
    await python.call("prepare_training", {
      precision: "f32",
      experts: "grouped_mm",
      optimizer: "fused",
      lr,
    });
    const optimizer = new AdamW(model, { lr, decays: () => true });
    for (let step = 0; step < 4; step++) {
      const [, theirs] = await python.call<[number, number]>("train_step", { ids });
      const plan = { step, seed: 1, lr, clip: 1, precision: "f32" as const, withRouting: false };
      const { loss } = trainStep(model, optimizer, () => batch, plan);
      expect(loss, `step ${step}`).toBeCloseTo(theirs, 3);
    }
  });
});
