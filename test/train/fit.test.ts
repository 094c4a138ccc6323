import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import * as data from "../../src/data/index.js";
import { type DisplayOptions, displaySymbol, type Host, hostKey, type MimeBundle } from "../../src/host.js";
import * as torch from "../../src/torch/index.js";
import * as train from "../../src/train/index.js";
import { structuredIds, TinyModel } from "./models.js";

torch.setThreads(1);
const folder = mkdtempSync(join(tmpdir(), "moelab-fit-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

const ids = structuredIds(4000);
const dataset = data.tokens(
  { train: ids.slice(0, 3500), validation: ids.slice(3500) },
  { contextLength: 16, batchSize: 8 },
);
const options = {
  steps: 30,
  optimizer: train.adamw({ lr: 0.01 }),
  schedule: train.warmupCosine({ warmup: 5 }),
  seed: 7,
};

interface Shown {
  data: MimeBundle;
  options: DisplayOptions;
}

/** A notebook that records what is shown and whose cell can be interrupted. */
function installNotebook(): { shown: Shown[]; interrupt(): void; nextCell(): void } {
  const shown: Shown[] = [];
  let controller = new AbortController();
  const host: Host = {
    kind: "notebook",
    display: (data, options = {}) => void shown.push({ data, options }),
    show: async () => {},
    clearOutput: () => {},
    input: () => null,
    onTermination: () => {},
    comms: null,
    bind: (listener) => listener,
    capture: (_sink, code) => code(),
    get signal() {
      return controller.signal;
    },
  };
  Object.assign(globalThis, { [hostKey]: host });
  return {
    shown,
    interrupt: () => controller.abort(),
    nextCell: () => {
      controller = new AbortController();
    },
  };
}

afterEach(() => {
  delete (globalThis as { [hostKey]?: Host })[hostKey];
  vi.restoreAllMocks();
});

function weightsOf(model: train.Trainable): number[][] {
  return Object.values(model.stateDict()).map((tensor) =>
    Array.from(tensor.asTypedArray({ copy: true }), Number),
  );
}

test("a run learns, and the same seed gives the same bits", async () => {
  const one = train.fit(new TinyModel(), dataset, options);
  expect(one.status).toBe("running");
  expect(one.history.length).toBe(0);
  const summary = await one;
  expect(summary).toMatchObject({ status: "finished", step: 30, steps: 30, tokens: 30 * 128 });
  expect(summary.loss).toBeLessThan(one.history.loss[0] - 0.3);

  const again = train.fit(new TinyModel(), dataset, options);
  await again;
  expect(again.history.loss).toEqual(one.history.loss);
  expect(again.history.gradNorm).toEqual(one.history.gradNorm);
  expect(weightsOf(again.model)).toEqual(weightsOf(one.model));

  const other = train.fit(new TinyModel(), dataset, { ...options, seed: 8 });
  await other;
  expect(other.history.loss).not.toEqual(one.history.loss);
});

test("history as columns and as records", async () => {
  const run = train.fit(new TinyModel(), dataset, { ...options, evaluate: { every: 10, batches: 2 } });
  await run;
  const { history } = run;
  expect(Object.keys(history.columns())).toEqual([
    "step",
    "loss",
    "gradNorm",
    "lr",
    "tokens",
    "seconds",
    "perplexity",
    "tokensPerSecond",
  ]);
  expect([...history.step]).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(history.lr[0]).toBeCloseTo(0.01 / 6, 12);
  expect(history.at(-1)).toMatchObject({ step: 30, loss: history.loss[29], tokens: 128 });
  expect(history.at(-1)!.metrics.perplexity).toBeCloseTo(Math.exp(history.loss[29]), 3);
  expect(history.at(30)).toBeUndefined();
  expect([...history.evaluation.step]).toEqual([10, 20, 30]);
  expect(run.summary.validationLoss).toBe(history.evaluation.loss[2]);
  expect(history.expertLoad.layers).toEqual([]);
});

test("evaluation is the mean over the tokens of the validation set", async () => {
  const model = new TinyModel();
  const result = await train.evaluate(model, dataset);
  expect(result.tokens).toBe(31 * 16);
  const all = data.tokens({ train: ids, validation: ids.slice(3500) }, { contextLength: 16, batchSize: 31 });
  const [whole] = [...all.validation!()];
  model.eval();
  expect(result.loss).toBeCloseTo(model.loss(whole).loss.item(), 5);
  expect(model.training).toBe(false);
});

test("a loop over a run sees every step, and leaving it does not stop the run", async () => {
  const run = train.fit(new TinyModel(), dataset, options);
  const seen: number[] = [];
  for await (const step of run) {
    seen.push(step.step);
    if (step.step === 3) await new Promise((resolve) => setTimeout(resolve, 50));
    if (step.step === 25) break;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
  expect((await run).step).toBe(30);
  for await (const _ of run) throw new Error("nothing comes after the end");
});

test("other work gets its turn between steps", async () => {
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  await train.fit(new TinyModel(), dataset, { ...options, steps: 200 });
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(10);
});

test("stop keeps everything; resuming gives what an undisturbed run gives", async () => {
  const whole = train.fit(new TinyModel(), dataset, options);
  await whole;
  const run = train.fit(new TinyModel(), dataset, options);
  for await (const { step } of run) if (step === 11) break;
  const stopped = await run.stop();
  expect(stopped.status).toBe("stopped");
  expect(stopped.step).toBeLessThan(15);
  expect((await run).status).toBe("stopped");
  torch.manualSeed(99); // what others do with the generator does not matter
  expect((await run.resume()).status).toBe("finished");
  expect(weightsOf(run.model)).toEqual(weightsOf(whole.model));
  expect(run.history.loss).toEqual(whole.history.loss);
});

test("an interrupt of the cell that waits stops the run with its state kept", async () => {
  const notebook = installNotebook();
  const run = train.fit(new TinyModel(), dataset, { ...options, steps: 100_000 });
  setTimeout(() => notebook.interrupt(), 60);
  const error = await run.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toMatchObject({ name: "AbortError" });
  expect((error as Error).message).toMatch(/interrupted after step \d+ of 100000.*await run\.resume\(\)/);
  const { step } = run;
  expect(step).toBeGreaterThan(0);
  expect(run.status).toBe("stopped");

  notebook.nextCell();
  setTimeout(() => notebook.interrupt(), 60);
  const followed = (async () => {
    for await (const record of run.resume()) expect(record.step).toBeGreaterThan(step);
  })();
  await expect(followed).rejects.toMatchObject({ name: "AbortError" });
  expect(run.step).toBeGreaterThan(step);
});

test("an interrupt of another cell does not touch the run", async () => {
  const notebook = installNotebook();
  const run = train.fit(new TinyModel(), dataset, options);
  notebook.interrupt();
  await new Promise((resolve) => setTimeout(resolve, 30));
  notebook.nextCell();
  expect((await run).status).toBe("finished");
});

test("resuming from disk gives the same bits as one run", async () => {
  const whole = train.fit(new TinyModel(), dataset, options);
  await whole;
  const first = train.fit(new TinyModel(), dataset, {
    ...options,
    checkpoint: at("resume"),
    checkpointEvery: 10,
    resume: "auto",
  });
  for await (const { step } of first) if (step === 13) break;
  await first.stop();
  const places = train.listCheckpoints(at("resume")).map(({ step }) => step);
  expect(places).toEqual([10, first.step]);

  const second = train.fit(new TinyModel(5), dataset, { ...options, checkpoint: at("resume"), resume: true });
  expect(second.step).toBe(first.step);
  await second;
  expect(weightsOf(second.model)).toEqual(weightsOf(whole.model));
  expect(second.history.loss).toEqual(whole.history.loss);
  expect(readdirSync(at("resume"))).toEqual([`step-${String(first.step).padStart(6, "0")}`, "step-000030"]);

  const done = train.fit(new TinyModel(5), dataset, { ...options, checkpoint: at("resume"), resume: true });
  expect(await done).toMatchObject({ status: "finished", step: 30 });
});

test("a folder with checkpoints is neither mixed nor overwritten by accident", async () => {
  const model = new TinyModel();
  const plan = { ...options, steps: 3, checkpoint: at("folder") };
  expect(() => train.fit(model, dataset, { ...plan, resume: true })).toThrow(
    /no checkpoint in .* to resume from/,
  );
  await train.fit(model, dataset, plan);
  expect(() => train.fit(model, dataset, plan)).toThrow(/holds checkpoints up to step 3/);
  expect(() => train.fit(model, dataset, { ...plan, seed: 1, resume: true })).toThrow(/Set seed: 7/);
  expect(() => train.fit(new TinyModel(1, 32, 8), dataset, { ...plan, resume: true })).toThrow(
    /does not fit/,
  );
  await train.fit(model, dataset, { ...plan, steps: 2, overwrite: true });
  expect(train.latestCheckpoint(at("folder"))!.step).toBe(2);
});

test("options that make no sense are refused", () => {
  const model = new TinyModel();
  expect(() => train.fit(model, dataset, { steps: 0 })).toThrow(
    /steps should be a whole number of 1 or more/,
  );
  expect(() => train.fit(model, dataset, { steps: 1, clip: 0 })).toThrow(/clip/);
  expect(() => train.fit(model, dataset, { steps: 1, resume: true })).toThrow(/set `checkpoint`/);
  expect(() => train.fit(model, {} as data.Dataset, { steps: 1 })).toThrow(/batch\(step, seed\)/);
  const trainingOnly = { batch: dataset.batch.bind(dataset) };
  expect(() => train.fit(model, trainingOnly, { steps: 1, evaluate: { every: 1 } })).toThrow(
    /no validation set/,
  );
});

test("a loss that is not finite ends the run before it reaches the weights", async () => {
  class Exploding extends TinyModel {
    calls = 0;
    override loss(batch: train.Batch): train.LossReport {
      const { loss } = super.loss(batch);
      return { loss: ++this.calls === 4 ? loss.mul(Number.NaN) : loss, metrics: {} };
    }
  }
  const model = new Exploding();
  const run = train.fit(model, dataset, options);
  await expect(run).rejects.toThrow(/step 4: the loss is NaN.*weights are those after step 3/);
  expect(run.status).toBe("failed");
  expect(run.history.length).toBe(3);
  expect(weightsOf(model).flat().every(Number.isFinite)).toBe(true);
  expect(model.parameters().every(({ grad }) => grad === null)).toBe(true);
  expect((await run.resume()).status).toBe("finished");
});

test("an error in a step is the run's error; without anyone waiting it is printed", async () => {
  const broken = {
    batch: () => {
      throw new Error("no such batch");
    },
  };
  const run = train.fit(new TinyModel(), broken, options);
  await expect(run).rejects.toThrow("no such batch");
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  train.fit(new TinyModel(), broken, options);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(printed).toHaveBeenCalledWith("training failed: no such batch");
});

test("bf16: weights and optimizer stay in float32, and it learns", async () => {
  const exact = train.fit(new TinyModel(), dataset, options);
  const run = train.fit(new TinyModel(), dataset, { ...options, precision: "bf16", evaluate: { every: 30 } });
  await Promise.all([exact, run]);
  expect(run.history.loss).not.toEqual(exact.history.loss);
  expect(run.history.loss[29]).toBeCloseTo(exact.history.loss[29], 1);
  expect(run.model.parameters().every(({ dtype }) => dtype === "float32")).toBe(true);
  expect(() => train.fit(new TinyModel(), dataset, { ...options, precision: "fp8" as "bf16" })).toThrow(
    /"bf16"/,
  );
});

test("a loss spike is told once", async () => {
  const said = vi.spyOn(console, "warn").mockImplementation(() => {});
  class Jumping extends TinyModel {
    calls = 0;
    override loss(batch: train.Batch): train.LossReport {
      const { loss } = super.loss(batch);
      return { loss: ++this.calls % 25 === 0 ? loss.mul(5) : loss, metrics: {} };
    }
  }
  const run = train.fit(new Jumping(), dataset, { ...options, steps: 60 });
  await run;
  expect(run.warnings).toHaveLength(1);
  expect(run.warnings[0]).toMatch(/the loss jumped to .* at step 25/);
  expect(said).toHaveBeenCalledTimes(1);
});

test("live: one display id, few updates, a Vega-Lite picture at the end", async () => {
  const { shown } = installNotebook();
  const run = train.fit(new TinyModel(), dataset, { ...options, steps: 400 });
  run.attach();
  const began = performance.now();
  await run;
  const seconds = (performance.now() - began) / 1000;
  run.attach();
  expect(new Set(shown.map(({ options }) => options.displayId)).size).toBe(1);
  expect(shown[0].options.update).toBe(false);
  const updates = shown.filter(({ options }) => options.update);
  expect(updates.length).toBeLessThanOrEqual(4 * seconds + 2);
  const last = updates.at(-1)!;
  expect(Object.keys(last.data).sort()).toEqual([
    "application/vnd.vegalite.v5+json",
    "image/png",
    "text/plain",
  ]);
  expect(last.data["text/plain"]).toMatch(/^step 400\/400 .* finished\n/);
  const shownValue = (await run[displaySymbol]()) as { data: MimeBundle };
  expect(Object.keys(shownValue.data)).toContain("image/png");
});

test("memory stays flat over thousands of steps", async () => {
  const run = train.fit(new TinyModel(), dataset, { ...options, steps: 2300 });
  let before = 0;
  let tensors = 0;
  for await (const { step } of run) {
    if (step === 300) {
      torch.collectGarbage();
      before = process.memoryUsage().rss;
      tensors = torch.memoryUsage().tensors;
    }
  }
  torch.collectGarbage();
  expect(torch.memoryUsage().tensors).toBeLessThanOrEqual(tensors + 5);
  expect(process.memoryUsage().rss - before).toBeLessThan(50 * 2 ** 20);
});

test("no folder is made when none is asked for", async () => {
  await train.fit(new TinyModel(), dataset, { ...options, steps: 2 });
  expect(existsSync("runs")).toBe(false);
});
