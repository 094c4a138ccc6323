import { describe, expect, test } from "vitest";
import { moe, nn, torch } from "../../src/index.js";

torch.setThreads(1);

const expert = () => new nn.Linear(6, 6);

describe("a layer from DeepSpeed's arguments", () => {
  test("has DeepSpeed's defaults", () => {
    const layer = moe.fromDeepSpeed({ hidden_size: 6, expert });
    expect(layer.expertCount).toBe(1);
    expect(layer.capacity).toMatchObject({
      ...{ capacityFactor: 1, evalCapacityFactor: 1, minCapacity: 4, dropPolicy: "random" },
    });
    expect(layer.gate).toMatchObject({ topK: 1, noisyGatePolicy: null, secondExpertSampling: true });
    expect(layer.residual).toBeNull();
  });

  test("is its gate's probability times the expert's answer, l_aux and exp_counts beside it", () => {
    torch.manualSeed(1);
    const layer = moe.fromDeepSpeed({ hidden_size: 6, expert, num_experts: 3, drop_tokens: false }).eval();
    const x = torch.randn([12, 6]);
    const y = layer.forward(x);
    const { experts, probabilities } = layer.gate.forward(x);
    const chosen = (experts.toArray() as number[][]).map(([first]) => first);
    const expected = chosen.map((at, token) =>
      layer.experts.list[at].forward(x.select(0, token)).mul(probabilities!.select(0, token).select(0, at)),
    );
    expect(y.sub(torch.stack(expected)).abs().max().item()).toBeLessThan(1e-6);
    const counts = [0, 1, 2].map((at) => chosen.filter((one) => one === at).length);
    expect((layer.routing!.load.toArray() as number[]).map(Number)).toEqual(counts);
    const shares = torch.tensor(counts.map((count) => count / 12));
    const lAux = probabilities!.mean(0).mul(shares).sum().mul(3).item();
    expect(layer.auxLoss!.item()).toBeCloseTo(lAux, 6);
    expect(moe.routingLosses(layer)[0].coefficient).toBe(0);
  });

  test("residual: an expert more, which all tokens go through, mixed by a learned share", () => {
    const made: nn.Linear[] = [];
    const layer = moe
      .fromDeepSpeed(
        {
          ...{ hidden_size: 6, num_experts: 2, use_residual: true, drop_tokens: false },
          expert: () => {
            made.push(expert());
            return made[made.length - 1];
          },
        },
        { auxLoss: 0.01 },
      )
      .eval();
    expect(made.length).toBe(3);
    expect(layer.residual!.block).toBe(made[0]);
    const x = torch.randn([5, 6]);
    const y = layer.forward(x);
    const share = layer.residual!.coefficient.forward(x).softmax(-1);
    layer.residual = null;
    const routed = layer.forward(x);
    const expected = routed.mul(share.narrow(1, 0, 1)).add(made[0].forward(x).mul(share.narrow(1, 1, 1)));
    expect(y.sub(expected).abs().max().item()).toBeLessThan(1e-6);
    expect(layer.losses[0].coefficient).toBe(0.01);
  });

  test("passes on what concerns the gate", () => {
    const layer = moe.fromDeepSpeed({
      ...{ hidden_size: 6, expert, num_experts: 4, k: 2, capacity_factor: 1.5, eval_capacity_factor: 2 },
      ...{ min_capacity: 0, noisy_gate_policy: "Jitter", top2_2nd_expert_sampling: false, use_rts: false },
      ...{ use_tutel: true, enable_expert_tensor_parallelism: false, ep_size: 1 },
    });
    expect(layer.gate).toMatchObject({ topK: 2, noisyGatePolicy: "Jitter", secondExpertSampling: false });
    expect(layer.capacity).toMatchObject({ capacityFactor: 1.5, evalCapacityFactor: 2, minCapacity: 0 });
    const none = moe.fromDeepSpeed({
      hidden_size: 6,
      expert,
      num_experts: 4,
      k: 3,
      noisy_gate_policy: "None",
    });
    expect(none.auxLossNormalisation).toBe("megatron");
    expect(none.gate).toMatchObject({ noisyGatePolicy: null });
  });

  const wrong: [object, string][] = [
    [{ hidden_size: 6, expert, num_expert: 4 }, "no option 'num_expert': did you mean 'num_experts'?"],
    [
      { hidden_size: 6, expert: expert() },
      "must be a function that makes each expert, such as () => new nn.Linear(6, 6)",
    ],
    [{ hidden_size: 6, expert, num_experts: 4, ep_size: 2 }, "ep_size must be 1"],
    [
      { hidden_size: 6, expert, num_experts: 4, k: 2, noisy_gate_policy: "RSample" },
      '"RSample" is for k = 1',
    ],
    [{ hidden_size: 6, expert, num_experts: 2, k: 3 }, "topK must not exceed"],
  ];
  test.each(wrong)("refuses what makes no sense: %#", (options, message) => {
    expect(() => moe.fromDeepSpeed(options as never)).toThrow(message);
  });
});
