import { describe, expect, test } from "vitest";
import { models, moe, nn, torch } from "../../src/index.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

/** As a user writes it in a cell: sigmoid scores, a bias that only the choice sees. */
class MyGate extends moe.Gate {
  proj: nn.Linear;
  bias = this.registerBuffer("bias", torch.zeros([8]));

  constructor(dim: number) {
    super();
    this.proj = new nn.Linear(dim, 8, { bias: false });
  }

  forward(x: torch.Tensor) {
    const s = this.proj.forward(x).sigmoid();
    return moe.topK(s.add(this.bias), 2, { weights: s });
  }
}

describe("a gate of one's own", () => {
  test("chooses by one score and weighs by another", () => {
    const gate = new MyGate(4);
    gate.bias.narrow(0, 5, 2).fill_(10);
    const x = torch.randn([3, 4]);
    const { experts, weights, probabilities } = gate.forward(x);
    for (const row of experts.toArray() as number[][]) expect([...row].sort()).toEqual([5, 6]);
    expect(weights.lt(1).all().item()).toBe(true);
    expect((probabilities!.sum(1).toArray() as number[])[0]).toBeCloseTo(1, 5);
  });

  test("trains in a model with everything else unchanged", () => {
    const model = models.moeTransformer({
      ...{ vocab: 17, dim: 16, layers: 2, heads: 2, contextLength: 16, seed: 5 },
      moe: { experts: 8, hidden: 16, gate: ({ dim }) => new MyGate(dim), auxLoss: 0.01 },
    });
    const gates = moe.moeLayers(model).map(([, layer]) => layer.gate as MyGate);
    expect(gates[0]).not.toBe(gates[1]);
    const before = gates.map((gate) => gate.proj.weight.detach().clone());
    const ids = torch.randint(17, [4, 17]);
    const batch = { inputs: ids.narrow(1, 0, 16), targets: ids.narrow(1, 1, 16) };
    const losses: number[] = [];
    for (let at = 0; at < 30; at++) {
      torch.tidy(() => {
        model.zeroGrad();
        const { loss, metrics } = model.loss(batch);
        loss.backward();
        losses.push(metrics.crossEntropy.item());
        torch.noGrad(() => {
          for (const parameter of model.parameters()) parameter.add_(parameter.grad!, { alpha: -0.3 });
        });
      });
    }
    expect(losses[29]).toBeLessThan(losses[0] - 0.5);
    for (const [at, gate] of gates.entries()) {
      expect(gate.proj.weight.sub(before[at]).abs().max().item()).toBeGreaterThan(1e-4);
    }
    expect(Object.keys(model.stateDict())).toContain("layers.0.feedForward.gate.bias");
  });

  test("may change what a gate of moelab's finds: what that found out for its own choice is not taken for this one", () => {
    class LastExpert extends moe.SoftmaxGate {
      override forward(x: torch.Tensor, request?: moe.DispatchRequest): moe.GateOutput {
        const found = super.forward(x, request);
        expect(found.fused?.dispatched).toBeDefined();
        return { ...found, experts: torch.fullLike(found.experts, 7) };
      }
    }
    class FirstTokensOnly extends moe.SoftmaxGate {
      override forward(x: torch.Tensor, request?: moe.DispatchRequest): moe.GateOutput {
        const found = super.forward(x, request);
        return { ...found, kept: torch.arange(5).lt(2).unsqueeze(1).expand([5, 2]) };
      }
    }
    const loads = [LastExpert, FirstTokensOnly].map((Kind) => {
      const gate = new Kind(16, 8, 2, true);
      const layer = new moe.MoELayer({
        ...{ dim: 16, hidden: 8, experts: 8, gate },
        auxLoss: { normalisation: "gshard", coefficient: 1 },
      });
      layer.forward(torch.randn([5, 16]));
      return { load: layer.routing!.load.toArray() as number[], loss: layer.auxLoss!.item() };
    });
    expect(loads[0].load).toEqual([0, 0, 0, 0, 0, 0, 0, 10]);
    expect(loads[1].load.reduce((sum, load) => sum + load)).toBe(4);
  });

  test("one gate cannot serve several layers", () => {
    const options = { vocab: 17, dim: 16, layers: 2, heads: 2, moe: { experts: 8, gate: new MyGate(16) } };
    expect(() => models.moeTransformer(options)).toThrow(/one gate for 2 MoE layers; pass a function/);
  });
});
