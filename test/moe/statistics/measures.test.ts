import { describe, expect, test } from "vitest";
import { moe, nn, torch } from "../../../src/index.js";
import { routings } from "./routings.js";

torch.setThreads(1);

/** The definitions, token by token. */
function counted(routing: moe.LayerRouting): Omit<moe.LayerMeasures, "layer" | "experts"> {
  const experts = routing.experts.toArray() as number[][];
  const weights = routing.weights.toArray() as number[][];
  const shares = routing.probabilities?.toArray() as number[][] | undefined;
  const count = routing.load.numel;
  const zeros = () => new Float64Array(count);
  const [taken, gateMass, probability] = [zeros(), zeros(), zeros()];
  const coactivation = new Float64Array(count * count);
  let [servedTokens, topWeight, entropy, confidence] = [0, 0, 0, 0];
  for (const [token, row] of experts.entries()) {
    const took = row.filter((_, rank) => weights[token][rank] !== 0);
    if (took.length > 0) servedTokens++;
    topWeight += Math.max(0, ...weights[token]);
    for (const one of took) {
      taken[one]++;
      for (const other of took) coactivation[one * count + other]++;
    }
    for (const [rank, expert] of row.entries()) gateMass[expert] += weights[token][rank];
    for (const [expert, share] of (shares?.[token] ?? []).entries()) {
      probability[expert] += share;
      if (share > 0 && count > 1) entropy -= (share * Math.log(share)) / Math.log(count);
    }
    if (shares) confidence += Math.max(...shares[token]);
  }
  const one = (value: number) => Float64Array.of(value);
  return {
    load: Float64Array.from(routing.load.toArray() as number[], Number),
    ...{ taken, gateMass, probability, coactivation },
    ...{ tokens: one(experts.length), servedTokens: one(servedTokens), topWeight: one(topWeight) },
    ...{ entropy: one(entropy), confidence: one(confidence) },
  };
}

describe("what is measured of a forward pass", () => {
  test.each(routings)("$name: as counted token by token", ({ make }) => {
    const { layer } = make();
    const passed = moe.routing(layer);
    const [measured] = moe.measureRouting(passed);
    expect(measured.experts).toBe(layer.expertCount);
    for (const [name, values] of Object.entries(counted(passed[0]))) {
      const got = measured[name as keyof typeof measured] as Float64Array;
      expect(got, name).toBeInstanceOf(Float64Array);
      expect(got.length, name).toBe((values as Float64Array).length);
      for (const [at, value] of (values as Float64Array).entries()) {
        expect(got[at], `${name}[${at}]`).toBeCloseTo(value, 3);
      }
    }
  });

  test("a gate without probabilities: what is made of them is not known, the rest is", () => {
    class Fixed extends moe.Gate {
      forward(x: torch.Tensor) {
        const [tokens] = x.shape;
        const experts = torch.tensor([[0, 2]], { dtype: "int64" }).expand([tokens, 2]);
        return { experts, weights: torch.full([tokens, 2], 0.5) };
      }
    }
    const layer = new moe.MoELayer({ dim: 4, hidden: 4, experts: 3, gate: new Fixed() });
    layer.forward(torch.randn([5, 4]));
    const [measured] = moe.measureRouting(moe.routing(layer));
    expect([...measured.load]).toEqual([5, 0, 5]);
    expect([...measured.gateMass]).toEqual([2.5, 0, 2.5]);
    expect([...measured.coactivation]).toEqual([5, 0, 5, 0, 0, 0, 5, 0, 5]);
    expect(measured.entropy[0]).toBeNaN();
    expect(measured.confidence[0]).toBeNaN();
    expect([...measured.probability]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  test("several layers of different sizes at once; no tokens; nothing run yet", () => {
    const model = new nn.Sequential(
      new moe.MoELayer({ dim: 4, hidden: 4, experts: 3 }),
      new moe.MoELayer({ dim: 4, hidden: 4, experts: 5 }),
    );
    expect(moe.measureRouting(moe.routing(model))).toEqual([]);
    model.forward(torch.randn([2, 3, 4]));
    const both = moe.measureRouting(moe.routing(model));
    expect(both.map(({ experts, load }) => [experts, load.length])).toEqual([
      [3, 3],
      [5, 5],
    ]);
    expect(both[1].load.reduce((sum, count) => sum + count)).toBe(12);
    model.forward(torch.zeros([0, 4]));
    expect(moe.measureRouting(moe.routing(model))[1].tokens[0]).toBe(0);
  });
});
