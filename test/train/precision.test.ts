import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import * as data from "../../src/data/index.js";
import * as models from "../../src/models/index.js";
import * as moe from "../../src/moe/index.js";
import * as torch from "../../src/torch/index.js";
import * as train from "../../src/train/index.js";
import { structuredIds, TinyModel } from "./models.js";
import { flat } from "./optimizers/numbers.js";

torch.setThreads(1);
const folder = mkdtempSync(join(tmpdir(), "moelab-precision-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const dataset = data.tokens(structuredIds(3000), { contextLength: 16, batchSize: 8 });
const moeModel = () =>
  models.moeTransformer({
    ...{ vocab: 32, dim: 32, layers: 2, heads: 2, contextLength: 16, seed: 5, dropout: 0.1 },
    moe: { experts: 4, topK: 2, auxLoss: 0.01, gate: moe.sigmoidGate({ topK: 2 }) },
  });
const options = { steps: 40, optimizer: train.adamw({ lr: 3e-3 }), seed: 7 };

test.each([
  "f16",
  { params: "bf16" },
  { params: "bf16", master: "none" },
  { params: "f16" },
] as train.Precision[])("%o learns as float32 does", async (precision) => {
  vi.spyOn(console, "warn").mockImplementation(() => {}); // the first overflow of float16
  const exact = train.fit(moeModel(), dataset, options);
  const run = train.fit(moeModel(), dataset, { ...options, precision });
  await Promise.all([exact, run]);
  const mean = ({ history }: train.Run) => history.loss.slice(-5).reduce((sum, loss) => sum + loss / 5, 0);
  expect(mean(run)).toBeCloseTo(mean(exact), 1);
  const types = new Set(run.model.parameters().map(({ dtype }) => dtype));
  const half = typeof precision === "object";
  const named = half && precision.params === "f16" ? "float16" : "bfloat16";
  expect(types).toEqual(new Set(half ? [named, "float32"] : ["float32"]));
  const gates = run.model.namedParameters().filter(([name]) => name.includes(".gate."));
  expect(gates.every(([, { dtype }]) => dtype === "float32")).toBe(true);
});

test("a float16 step that overflows changes nothing but the scale, and does not advance the schedule", async () => {
  const said = vi.spyOn(console, "warn").mockImplementation(() => {});
  const run = train.fit(new TinyModel(), dataset, {
    ...options,
    steps: 12,
    precision: { params: "f16" },
    lossScale: { initialScalePower: 30, hysteresis: 1 },
    schedule: train.warmupCosine({ warmup: 20 }),
  });
  let before = flat(run.model.parameters());
  let skipped = 0;
  for await (const { step } of run) {
    const now = flat(run.model.parameters());
    if (!Number.isFinite(run.history.gradNorm[step - 1])) {
      expect(now).toEqual(before);
      skipped++;
    } else {
      expect(now).not.toEqual(before);
    }
    before = now;
  }
  expect(skipped).toBeGreaterThan(3);
  expect(skipped).toBeLessThan(12);
  // From the first step that fits on the scale stays.
  const scales = Array.from({ length: 12 }, (_, at) => 2 ** (30 - Math.min(at, skipped)));
  expect([...run.history.metrics.lossScale]).toEqual(scales);
  expect(run.history.lr[11]).toBeCloseTo(3e-3 * ((12 - skipped) / 21), 10);
  expect(run.warnings).toHaveLength(1);
  expect(run.warnings[0]).toMatch(
    /step 1 made no update: .* at a loss scale of 1073741824\. The scale is lowered/,
  );
  expect(said).toHaveBeenCalledTimes(1);
});

// Every kind of state that a step depends on, in few runs.
const cases: [string, Partial<train.FitOptions>][] = [
  [
    "AdamW, bf16 parameters, bf16 moments",
    { precision: { params: "bf16" }, optimizer: train.adamw({ lr: 3e-3, moments: "bf16" }) },
  ],
  [
    "Adam, f16 parameters, scale that grows",
    {
      precision: { params: "f16" },
      optimizer: train.adam({ lr: 3e-3 }),
      lossScale: { initialScalePower: 20, lossScaleWindow: 3 },
      schedule: train.warmupLR({ warmupNumSteps: 5 }),
    },
  ],
  [
    "SGD, f16, accumulation",
    {
      precision: "f16",
      optimizer: train.sgd({ lr: 0.1, momentum: 0.9 }),
      gradientAccumulationSteps: 3,
      lossScale: { initialScalePower: 18 },
    },
  ],
  [
    "AdamW without masters, 1cycle",
    {
      precision: { params: "bf16", master: "none" },
      schedule: train.oneCycle({ cycleMinLr: 1e-4, cycleMaxLr: 1e-2, cycleFirstStepSize: 7 }),
    },
  ],
];

test.each(cases)("%s: resumes to the bits of an undisturbed run", async (name, own) => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const all = { ...options, steps: 16, ...own };
  const whole = train.fit(moeModel(), dataset, all);
  await whole;
  const checkpoint = join(folder, name);
  const first = train.fit(moeModel(), dataset, { ...all, checkpoint });
  for await (const { step } of first) if (step === 6) break;
  await first.stop();
  torch.manualSeed(99);
  const second = train.fit(moeModel(), dataset, { ...all, checkpoint, resume: true });
  expect(second.step).toBe(first.step);
  expect(second.warnings).toEqual(first.warnings);
  await second;
  expect(flat(Object.values(second.model.stateDict()))).toEqual(flat(Object.values(whole.model.stateDict())));
  for (const column of ["loss", "gradNorm", "lr"] as const) {
    expect(second.history[column]).toEqual(whole.history[column]);
  }
  expect(second.history.metrics.lossScale).toEqual(whole.history.metrics.lossScale);
});

test("what does not go together is refused, and nothing has changed then", () => {
  const model = new TinyModel();
  const attempt = (own: object) => () => train.fit(model, dataset, { steps: 1, ...own } as train.FitOptions);
  expect(attempt({ precision: "fp8" })).toThrow(/"f32", "bf16", "f16", \{ params: "bf16" \}/);
  expect(attempt({ precision: { params: "fp8" } })).toThrow(/precision.params must be "bf16" or "f16"/);
  expect(attempt({ precision: { params: "f16", master: "none" } })).toThrow(
    /f16 parameters need master weights/,
  );
  expect(attempt({ lossScale: 8 })).toThrow(/lossScale is for precision "f16"/);
  expect(attempt({ precision: { params: "bf16" }, optimizer: train.adamw()(model) })).toThrow(
    /instead of one that exists/,
  );
  expect(attempt({ gradientAccumulation: 2 })).toThrow(/did you mean 'gradientAccumulationSteps'/);
  expect(attempt({ gradientAccumulationSteps: 0 })).toThrow(/whole number of 1 or more/);
  expect(model.parameters().every(({ dtype }) => dtype === "float32")).toBe(true);
});
