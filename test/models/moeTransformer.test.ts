import { describe, expect, test } from "vitest";
import { models, moe, nn, torch } from "../../src/index.js";
import { Sampler } from "../../src/models/sampling.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

const sizes = { vocab: 31, dim: 32, layers: 2, heads: 4, contextLength: 12, seed: 1 };
const build = (
  options: Partial<models.MoETransformerOptions> = {},
  moeOptions: Partial<models.MoEOptions> = {},
) => models.moeTransformer({ ...sizes, ...options, moe: { experts: 4, topK: 2, hidden: 24, ...moeOptions } });

describe("the model", () => {
  test("gives logits for each position", () => {
    expect(build().forward(torch.randint(31, [2, 5])).shape).toEqual([2, 5, 31]);
  });

  test("has a dense block where it has no experts, and no head of its own when tied", () => {
    const model = build({ layers: 4, tieEmbeddings: true }, { every: 2 });
    expect(moe.moeLayers(model).map(([name]) => name)).toEqual([
      "layers.1.feedForward",
      "layers.3.feedForward",
    ]);
    expect(model.layers[0].feedForward).toBeInstanceOf(nn.FeedForward);
    expect(model.lmHead).toBeNull();
  });

  test("draws its weights by seed, and as documented", () => {
    const model = build({ dim: 64, vocab: 500 });
    expect(build({ dim: 64, vocab: 500 }).tokenEmbedding.weight.toArray()).toEqual(
      model.tokenEmbedding.weight.toArray(),
    );
    expect(model.tokenEmbedding.weight.std().item()).toBeCloseTo(0.02, 3);
    const layer = model.layers[0].feedForward as moe.MoELayer;
    expect(layer.experts.upProj.std().item()).toBeCloseTo(0.02, 3);
    expect(layer.experts.downProj.std().item()).toBeCloseTo(0.01, 3);
    expect(model.layers[1].attention.oProj.weight.std().item()).toBeCloseTo(0.01, 3);
  });

  test("sums coefficient times auxiliary loss over the layers and reports their mean", () => {
    const model = build({}, { auxLoss: { normalisation: "huggingFace", coefficient: 0.5 } });
    const ids = torch.randint(31, [2, 6]);
    const { loss, metrics } = model.loss({ inputs: ids, targets: ids });
    expect(Object.keys(metrics)).toEqual(["crossEntropy", "auxLoss"]);
    expect(loss.item()).toBeCloseTo(metrics.crossEntropy.item() + 0.5 * 2 * metrics.auxLoss.item(), 4);
    expect(metrics.auxLoss.requiresGrad || metrics.crossEntropy.requiresGrad).toBe(false);
    expect(Object.keys(build().loss({ inputs: ids, targets: ids }).metrics)).toEqual(["crossEntropy"]);
  });

  test("takes a state of its own kind", () => {
    const model = build();
    const other = build({ seed: 2 });
    other.loadStateDict(model.stateDict());
    const ids = torch.randint(31, [1, 6]);
    expect(other.forward(ids).toArray()).toEqual(model.forward(ids).toArray());
  });

  test("runs in bfloat16", () => {
    const model = build().to("bfloat16");
    const ids = torch.randint(31, [2, 6]);
    const { loss } = model.loss({ inputs: ids, targets: ids });
    loss.backward();
    expect(loss.item()).toBeCloseTo(Math.log(31), 0);
    for (const [name, parameter] of model.namedParameters()) expect(parameter.grad, name).not.toBeNull();
  });

  test("dropout acts in training only", () => {
    const model = build({ dropout: 0.5 });
    const ids = torch.randint(31, [1, 6]);
    const twice = () => [model.forward(ids).toArray(), model.forward(ids).toArray()];
    const [a, b] = twice();
    expect(a).not.toEqual(b);
    model.eval();
    const [c, d] = twice();
    expect(c).toEqual(d);
  });
});

describe("generation", () => {
  const start = [3, 1, 4];

  /** Without cache: the whole (cropped) sequence for each token. */
  function greedy(model: models.MoETransformer, count: number): number[] {
    const ids = [...start];
    for (let at = 0; at < count; at++) {
      const input = torch.tensor([ids.slice(-model.contextLength)], { dtype: "int64" });
      const logits = torch.noGrad(() => model.forward(input));
      ids.push(
        logits
          .select(0, 0)
          .select(0, input.shape[1] - 1)
          .argmax()
          .item(),
      );
    }
    return ids;
  }

  test.each([4, 2])(
    "with %i key heads, cached decoding gives what whole passes give, also beyond the context",
    (kvHeads) => {
      const model = build({ kvHeads });
      torch.noGrad(() => {
        for (const parameter of model.parameters()) if (parameter.ndim > 1) parameter.mul_(6);
      });
      expect(model.generate(start, { maxNewTokens: 20, temperature: 0 })).toEqual(greedy(model, 20));
    },
  );

  test("is repeatable by seed, leaves training's random numbers and mode alone, and stops when told", () => {
    const model = build();
    torch.manualSeed(9);
    const expected = torch.rand([1]).item();
    torch.manualSeed(9);
    const sample = (seed: number) =>
      model.generate(torch.tensor(start, { dtype: "int64" }), { maxNewTokens: 8, seed });
    expect(sample(1)).toEqual(sample(1));
    expect(sample(1)).not.toEqual(sample(2));
    expect(torch.rand([1]).item()).toBe(expected);
    expect(model.training && model.layers[0].dropout.training).toBe(true);

    const seen: number[] = [];
    const stopped = model.generate(start, { maxNewTokens: 8, onToken: (token) => seen.push(token) < 3 });
    expect(stopped).toEqual([...start, ...seen]);
    expect(seen).toHaveLength(3);
  });

  test("temperature and topK shape the distribution", () => {
    const model = build();
    const likeliest = model.generate(start, { maxNewTokens: 1, temperature: 0 })[3];
    for (let seed = 0; seed < 5; seed++) {
      expect(model.generate(start, { maxNewTokens: 1, topK: 1, seed })[3]).toBe(likeliest);
    }
  });

  test("tokens come as often as their probabilities say", () => {
    const logits = torch.tensor([1, 3, 2, 0]);
    const sampler = new Sampler("test", { temperature: 2, topK: 3, seed: 1 });
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 2000; draw++) counts[sampler.next(logits)]++;
    const share = [1, 3, 2].map((logit) => Math.exp(logit / 2));
    const sum = share.reduce((a, b) => a + b);
    for (const [token, part] of share.entries()) expect(counts[token] / 2000).toBeCloseTo(part / sum, 1);
    expect(counts[3]).toBe(0);
  });

  test("frees what it made", () => {
    const model = build();
    model.generate(start, { maxNewTokens: 3 });
    torch.collectGarbage();
    const before = torch.memoryUsage().tensors;
    model.generate(start, { maxNewTokens: 12 });
    torch.collectGarbage();
    expect(torch.memoryUsage().tensors).toBe(before);
  });
});

describe("routing", () => {
  test("of the last pass, layer by layer", () => {
    const model = build();
    model.forward(torch.randint(31, [2, 5]));
    const layers = model.routing();
    expect(layers.map(({ layer }) => layer)).toEqual(["layers.0.feedForward", "layers.1.feedForward"]);
    expect(layers[0].experts.shape).toEqual([10, 2]);
    expect(layers[0].load.sum().item()).toBe(20);
  });

  test("of one sequence, in plain numbers", () => {
    const model = build();
    const { layerNames, experts, weights, load, expertCount } = model.routeTokens([1, 2, 3]);
    expect([layerNames.length, experts.length, experts[0].length, experts[0][0].length]).toEqual([
      2, 2, 3, 2,
    ]);
    expect(weights[1][2][0] + weights[1][2][1]).toBeCloseTo(1, 5);
    expect(weights[0][0][0]).toBeGreaterThanOrEqual(weights[0][0][1]);
    expect(load[0].reduce((a, b) => a + b)).toBe(6);
    expect(expertCount).toBe(4);
  });
});

describe("misuse", () => {
  test.each<[string, () => unknown, RegExp]>([
    ["dim", () => build({ dim: 30 }), /even multiple of heads .*got dim 30 and 4 heads/],
    ["topK", () => build({}, { topK: 5 }), /topK must not exceed moe.experts, got topK 5 and 4 experts/],
    [
      "option",
      () => build({ contextlength: 3 } as never),
      /no option 'contextlength': did you mean 'contextLength'\?/,
    ],
    [
      "moe option",
      () => build({}, { expert: 3 } as never),
      /moe has no option 'expert': did you mean 'experts'\?/,
    ],
    ["no moe", () => models.moeTransformer({ ...sizes } as never), /moe must be an object such as/],
    ["every", () => build({}, { every: 3 }), /every must not exceed layers/],
    ["kvHeads", () => build({ kvHeads: 3 }), /multiple of kvHeads/],
    ["vocab", () => build({ vocab: 0 }), /vocab must be a whole number from 1 up, got 0/],
    ["activation", () => build({}, { activation: "relu" as never }), /"gelu" or "swiglu", got "relu"/],
    [
      "length",
      () => build().forward(torch.zeros([1, 13], { dtype: "int64" })),
      /at most 12 positions, got 13/,
    ],
    ["ids", () => build().forward(torch.zeros([3])), /int64 \[batch, length\], got float32 \[3\]/],
    ["prompt", () => build().generate([]), /at least one id/],
    ["id", () => build().generate([31]), /ids\[0\] must be an id from 0 to 30, got 31/],
    ["sampling", () => build().generate([1], { temperature: -1 }), /temperature must be a finite number ≥ 0/],
    ["sampling option", () => build().generate([1], { topP: 1 } as never), /no option 'topP'/],
  ])("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
