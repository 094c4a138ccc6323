import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import * as data from "../../src/data/index.js";
import * as models from "../../src/models/index.js";
import * as moe from "../../src/moe/index.js";
import type { LayerMeasures } from "../../src/moe/statistics/measures.js";
import * as torch from "../../src/torch/index.js";
import * as train from "../../src/train/index.js";
import { RoutingWatch } from "../../src/train/routingWatch.js";
import { structuredIds } from "./models.js";

function measures(load: number[], tokens: number, layer = "layers.0"): LayerMeasures[] {
  const counts = Float64Array.from(load);
  const known = { layer, experts: load.length, load: counts, taken: counts, tokens: Float64Array.of(tokens) };
  return [known as unknown as LayerMeasures];
}

function watch(steps: number, loadAt: (step: number) => number[], tokens: number): Map<string, string> {
  const watching = new RoutingWatch(30);
  const told = new Map<string, string>();
  for (let step = 1; step <= steps; step++) {
    for (const [kind, text] of watching.see(step, measures(loadAt(step), tokens))) {
      if (!told.has(kind)) told.set(kind, text);
    }
  }
  return told;
}

test("experts that take no token for so many steps are named", () => {
  // Expert 2 stops after step 10, expert 1 takes one now and then.
  const told = watch(60, (step) => [50, step % 20 === 0 ? 1 : 0, step <= 10 ? 40 : 0, 50], 100);
  expect([...told.keys()]).toEqual(["dead experts in layers.0"]);
  expect(told.get("dead experts in layers.0")).toMatch(
    /layers\.0: 1 of 4 experts took no token in 30 steps \(2\), at step 40\..*auxLoss/,
  );
});

test("an expert that never took one is dead after as many steps", () => {
  expect(watch(29, () => [50, 50, 0], 100).size).toBe(0);
  expect(watch(30, () => [50, 50, 0], 100).size).toBe(1);
});

test("a collapse is nearly all tokens at few experts, for any k", () => {
  const spread = Array.from({ length: 16 }, () => 10);
  expect(watch(100, () => spread, 160).size).toBe(0);
  // Uneven, but in use.
  expect(watch(100, () => spread.map((_, expert) => 1 + expert), 136).size).toBe(0);
  const top1 = watch(100, () => [965, ...spread.slice(1).map(() => 1)], 980);
  expect(top1.get("collapse of layers.0")).toMatch(/collapsed to about 1\.\d of 16 experts at step 50: 98 %/);
  // Two experts for every token: no fewer than two can be in use.
  const top2 = watch(100, () => [990, 990, ...spread.slice(2).map(() => 1)], 997);
  expect(top2.get("collapse of layers.0")).toMatch(/about 2\.\d of 16/);
  expect(watch(100, () => [100, 100], 100).size).toBe(0);
});

test("a run tells it once, and so does one that goes on from its checkpoint", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  /** Sends every token to the first of the experts. */
  class FirstExpert extends moe.Gate {
    forward(x: torch.Tensor) {
      const scores = torch.zeros([x.shape[0], 4]);
      scores.select(1, 0).fill_(1);
      return moe.topK(scores, 1);
    }
  }
  const make = () =>
    models.moeTransformer({
      ...{ vocab: 32, dim: 16, layers: 1, heads: 2, contextLength: 16, seed: 1 },
      moe: { experts: 4, topK: 1, gate: new FirstExpert() },
    });
  const folder = mkdtempSync(join(tmpdir(), "moelab-dead-"));
  const dataset = data.tokens(structuredIds(500), { contextLength: 16, batchSize: 2 });
  const options = { deadExpertSteps: 20, checkpoint: folder, resume: "auto" } as const;
  const run = train.fit(make(), dataset, { ...options, steps: 60 });
  await run;
  expect(run.warnings).toHaveLength(2);
  expect(run.warnings[0]).toMatch(/3 of 4 experts took no token in 20 steps \(1, 2, 3\), at step 20\./);
  expect(run.warnings[1]).toMatch(/routing has collapsed to about 1\.0 of 4 experts at step 50: 100 %/);
  const later = train.fit(make(), dataset, { ...options, steps: 90 });
  await later;
  expect(later.warnings).toEqual(run.warnings);
  expect(warned).toHaveBeenCalledTimes(2);
  rmSync(folder, { recursive: true });
});
