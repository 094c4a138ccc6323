import { describe, expect, it } from "vitest";
import { arrow, data, models, moe, torch, train } from "../../src/index.js";
import { balance, coactivation, loadMap, routing } from "../../src/viz/index.js";
import { shortNames } from "../../src/viz/recordedRouting.js";
import { structuredIds } from "../train/models.js";
import { expectGoodPicture, svgWith } from "./rendering.js";

torch.setThreads(1);

const dataset = data.tokens(structuredIds(1000), { contextLength: 8, batchSize: 4 });
async function trained(options: Partial<models.MoETransformerOptions["moe"]> = {}) {
  const model = models.moeTransformer({
    ...{ vocab: 32, dim: 16, layers: 2, heads: 2, contextLength: 8, seed: 1 },
    moe: { experts: 4, hidden: 16, ...options },
  });
  const run = train.fit(model, dataset, { steps: 20, routingEvery: 1 });
  await run;
  return { model, run };
}

describe("pictures of a run", () => {
  it("are drawn from its tables", async () => {
    const { model, run } = await trained({ capacityFactor: 0.5 });
    const map = loadMap(run);
    expect(map.data.topK).toBe(2);
    expect(map.data.layers).toEqual(["0", "1"]);
    // The last two of twenty records, 32 tokens each, before dropping.
    for (const row of map.data.counts) expect(row.reduce((sum, count) => sum + count)).toBe(2 * 64);
    for (const dropped of map.data.dropped) expect(dropped).toBeGreaterThan(0.3);
    expect(map.text).toContain("dropped");
    expect(JSON.stringify(map.spec)).toContain("steps 19–20");
    await expectGoodPicture(() => loadMap(run));

    const all = loadMap(run.history, { steps: [1, 20], layers: [1], title: "All of it" });
    expect(all.data.counts[0].reduce((sum, count) => sum + count)).toBe(20 * 64);
    expect(all.data.layers).toEqual(["layers.1.feedForward"]);

    const lines = balance(run);
    expect(lines.data.steps).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(lines.data.measures.cv[0].length).toBe(2);
    await expectGoodPicture(() => balance(run));

    const pairs = coactivation(run.routing);
    const diagonal = pairs.data.counts[0].map((row, expert) => row[expert]);
    expect(diagonal.reduce((sum, count) => sum + count)).toBe(20 * 4 * 8); // half of the 64 assignments a step
    await expectGoodPicture(() => coactivation(run));

    torch.noGrad(() => void model.eval().forward(dataset.batch(0).inputs));
    const now = loadMap(moe.routingStatistics(model));
    expect(now.data.counts[0].reduce((sum, count) => sum + count)).toBe(64);
  });

  it("are one picture together", async () => {
    const { run } = await trained();
    const { data, text, spec } = routing(run);
    expect(data.load).toEqual(loadMap(run).data);
    expect(data.balance).toEqual(balance(run).data);
    expect(data.coactivation).toEqual(coactivation(run).data);
    expect(text).toMatch(/Expert load[\s\S]*Balance at step 20[\s\S]*Co-activation in layer 0/);
    expect(await svgWith(spec, { layer: 1 })).toContain("layer 1, independent experts");
    await expectGoodPicture(() => routing(run));

    const single = await trained({ topK: 1 });
    expect(routing(single.run).data.coactivation).toBeUndefined();
  });

  it("say what is missing", async () => {
    const { run } = await trained();
    expect(() => loadMap(run, { layers: ["layers.7"] })).toThrow(
      /no layer "layers.7"; there are layers.0.feed/,
    );
    expect(() => loadMap(run, { steps: [30, 40] })).toThrow(/from step 30 to 40; there is from 1 to 20/);
    expect(() => loadMap(new moe.RoutingHistory().tables())).toThrow(/no routing was recorded yet/);
    const weights = arrow.toArrowTable as (tensors: Record<string, torch.Tensor>) => arrow.ArrowTable;
    const wrong = weights({ weight: torch.zeros([3]) });
    expect(() => loadMap({ experts: wrong, layers: wrong, coactivation: wrong })).toThrow(
      /column "step", it has weight/,
    );
  });

  it("name layers by what tells them apart", () => {
    expect(shortNames(["layers.0.feedForward", "layers.1.feedForward"])).toEqual(["0", "1"]);
    expect(shortNames(["a.b", "a.c.b"])).toEqual(["b", "c.b"]);
    expect(shortNames(["experts"])).toEqual(["experts"]);
    expect(shortNames(["one", "two"])).toEqual(["one", "two"]);
  });
});
