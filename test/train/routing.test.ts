import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { data, models, moe, nn, torch, train } from "../../src/index.js";
import { structuredIds } from "./models.js";

torch.setThreads(1);
const folder = mkdtempSync(join(tmpdir(), "moelab-routing-"));
afterAll(() => rmSync(folder, { recursive: true }));

const dataset = data.tokens(structuredIds(2000), { contextLength: 8, batchSize: 4 });
const languageModel = () =>
  models.moeTransformer({
    ...{ vocab: 32, dim: 16, layers: 2, heads: 2, contextLength: 8, seed: 1 },
    moe: { experts: 4, hidden: 16, capacityFactor: 1 },
  });

type Table = moe.RoutingTables["experts"];
const column = (table: Table, name: string): number[] => Array.from(table.getChild(name)!.toArray());

test("a run records routing from its first step on, readable while it trains", async () => {
  const run = train.fit(languageModel(), dataset, { steps: 12, routingEvery: 4 });
  const seen: number[] = [];
  const first: moe.RoutingTables[] = [];
  for await (const { step } of run) {
    if (step === 1) first.push(run.routing);
    seen.push(run.routing.layers.numRows);
  }
  expect(new Set(seen).size).toBeGreaterThan(1);
  expect(first[0].layers.numRows).toBeLessThan(run.routing.layers.numRows);
  const { experts, layers } = run.routing;
  expect([...new Set(column(experts, "step"))]).toEqual([1, 4, 8, 12]);
  expect(column(layers, "tokens")).toEqual(Array(8).fill(32));
  expect(column(layers, "load")).toEqual(Array(8).fill(64));
  expect(layers.getChild("layer")!.get(1)).toBe("layers.1.feedForward");
  expect(run.history.expertLoad.layers[1].load.length).toBe(4 * 4);
});

test("a model of one's own needs no method for it", async () => {
  class Own extends nn.Module implements train.Trainable {
    embedding = new nn.Embedding(32, 8);
    experts = new moe.MoELayer({ dim: 8, hidden: 8, experts: 4 });
    output = new nn.Linear(8, 32);

    forward(ids: torch.Tensor): torch.Tensor {
      return this.output.forward(this.experts.forward(this.embedding.forward(ids)));
    }

    loss({ inputs, targets }: train.Batch): train.LossReport {
      const loss = torch.crossEntropyLoss(this.forward(inputs).flatten(0, 1), targets.reshape([-1]));
      return { loss, metrics: {} };
    }
  }
  const run = train.fit(new Own(), dataset, { steps: 2 });
  await run;
  expect(run.routing.experts.numRows).toBe(2 * 4);
  expect(run.routing.experts.getChild("layer")!.get(0)).toBe("experts");
});

test("routing is part of checkpoints: a resumed run goes on with it, other programs read it", async () => {
  const options = { steps: 10, seed: 3, routingEvery: 1 };
  const whole = train.fit(languageModel(), dataset, options);
  await whole;
  const checkpoint = join(folder, "run");
  const first = train.fit(languageModel(), dataset, { ...options, checkpoint });
  for await (const { step } of first) if (step === 5) break;
  await first.stop();
  const second = train.fit(languageModel(), dataset, { ...options, checkpoint, resume: true });
  await second;
  for (const name of ["experts", "layers", "coactivation"] as const) {
    const [one, other] = [whole.routing[name], second.routing[name]];
    for (const { name: field } of one.schema.fields) {
      if (field !== "layer") expect(column(other, field), `${name}.${field}`).toEqual(column(one, field));
    }
    const file = join(train.latestCheckpoint(checkpoint)!.path, `routing-${name}.arrow`);
    expect(existsSync(file), file).toBe(true);
  }
});
