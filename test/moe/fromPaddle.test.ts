import { describe, expect, test } from "vitest";
import { moe, nn, torch } from "../../src/index.js";

torch.setThreads(1);

/** As in Paddle's example of its MoELayer. */
class ExpertLayer extends nn.Module {
  htoh4: nn.Linear;
  h4toh: nn.Linear;

  constructor(dModel: number, dHidden: number) {
    super();
    this.htoh4 = new nn.Linear(dModel, dHidden);
    this.h4toh = new nn.Linear(dHidden, dModel);
  }

  forward(x: torch.Tensor): torch.Tensor {
    return this.h4toh.forward(this.htoh4.forward(x));
  }
}

const experts = () => Array.from({ length: 4 }, () => new ExpertLayer(6, 10));

describe("a layer from Paddle's arguments", () => {
  test("is Σ weight · expert over the experts that its gate chose", () => {
    const list = experts();
    const layer = moe.fromPaddle({ d_model: 6, experts: list, gate: { type: "gshard", top_k: 2 } });
    expect(layer.experts.list).toEqual(list);
    layer.eval();
    const x = torch.randn([2, 5, 6]);
    const y = layer.forward(x);
    const tokens = x.view([10, 6]);
    const { experts: chosen, weights } = layer.gate.forward(tokens);
    const expected = (chosen.toArray() as number[][]).map((row, token) =>
      row.reduce(
        (sum, expert, rank) =>
          sum.add(
            list[expert].forward(tokens.select(0, token)).mul(weights.select(0, token).select(0, rank)),
          ),
        torch.zeros([6]),
      ),
    );
    expect(y.view([10, 6]).sub(torch.stack(expected)).abs().max().item()).toBeLessThan(1e-6);
    // Paddle's capacity is 1.2 tokens an expert for each token of the batch: never reached in one process.
    expect(layer.capacity).toMatchObject({ capacityFactor: 2.4, evalCapacityFactor: 4.8 });
  });

  test.each([
    ["gshard", 2, moe.GShardGate],
    ["switch", 1, moe.SoftmaxGate],
    ["naive", 3, moe.SoftmaxGate],
  ] as const)("%s: its gate, trained through the weights", (type, top_k, kind) => {
    const layer = moe.fromPaddle({ d_model: 6, experts: experts(), gate: { type, top_k } });
    expect(layer.gate).toBeInstanceOf(kind);
    layer
      .forward(torch.randn([3, 8, 6]))
      .square()
      .mean()
      .backward();
    expect(layer.gate.parameters()[0].grad!.abs().max().item()).toBeGreaterThan(0);
    expect(layer.routing!.experts.shape).toEqual([24, top_k]);
    expect(layer.auxLoss).toBeNull();
  });

  test("takes a gate of one's own, and a loss", () => {
    const auxLoss = { normalisation: "gshard", coefficient: 0.01 } as const;
    const layer = moe.fromPaddle(
      { d_model: 6, experts: experts(), gate: moe.softmaxGate({ topK: 2 })({ dim: 6, experts: 4 }) },
      { auxLoss },
    );
    layer.forward(torch.randn([3, 8, 6]));
    expect(layer.losses.map(({ name, coefficient }) => [name, coefficient])).toEqual([["auxLoss", 0.01]]);
  });

  test("recompute_interval: the same values and gradients, with experts that run twice", () => {
    let calls = 0;
    class Counted extends ExpertLayer {
      override forward(x: torch.Tensor): torch.Tensor {
        calls++;
        return super.forward(x);
      }
    }
    const gradients = [0, 1].map((recompute_interval) => {
      torch.manualSeed(4);
      const list = Array.from({ length: 4 }, () => new Counted(6, 10));
      const gate = { type: "naive", top_k: 2 } as const;
      const layer = moe.fromPaddle({ d_model: 6, experts: list, gate, recompute_interval });
      calls = 0;
      const loss = layer
        .forward(torch.randn([4, 16, 6]))
        .square()
        .mean();
      loss.backward();
      return { calls, loss: loss.item(), all: layer.parameters().map(({ grad }) => grad!.reshape([-1])) };
    });
    expect(gradients.map(({ calls: times }) => times)).toEqual([4, 8]);
    expect(gradients[1].loss).toBe(gradients[0].loss);
    expect(torch.cat(gradients[1].all).sub(torch.cat(gradients[0].all)).abs().max().item()).toBe(0);
  });

  const wrong: [object, string][] = [
    [{ d_model: 6, expert: experts() }, "no option 'expert': did you mean 'experts'?"],
    [{ d_model: 6, experts: [] }, "experts must be a list of modules"],
    [
      { d_model: 6, experts: experts(), gate: { type: "gshard", top_k: 3 } },
      'gate "gshard" needs top_k 2, got 3',
    ],
    [{ d_model: 6, experts: experts(), gate: { type: "gshrad" } }, 'gate.type must be "naive" or'],
    [{ d_model: 6, experts: experts(), gate: { topK: 2 } }, "no option 'topK': did you mean 'top_k'?"],
    [{ d_model: 6, experts: experts(), moe_group: {} }, "moe_group must be null"],
  ];
  test.each(wrong)("refuses what makes no sense: %#", (options, message) => {
    expect(() => moe.fromPaddle(options as never)).toThrow(message);
  });
});
