import * as torch from "../src/torch/index.js";
import { AdamW } from "../src/train/optimizers/adam.js";
import { convertParameters, type Precision } from "../src/train/precision.js";
import type { Batch } from "../src/train/trainable.js";
import { trainStep } from "../src/train/trainStep.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";
import { makeBoth, randomIds, sizes } from "./olmoe.js";

const batch = 4;
const length = 512;
const rounds = 6;
const lr = 1e-5;
/** Ways to train in transformers: precision (see olmoe.py), implementation of the experts. The fastest is the baseline. */
const variants = {
  f32: [
    ["f32", "grouped_mm"],
    ["f32", "eager"],
  ],
  bf16: [
    ["bf16", "grouped_mm"],
    ["bf16", "eager"],
    ["bf16 copies", "grouped_mm"],
  ],
} as const;

/** Milliseconds and the loss. */
type Step = [number, number];

/**
 * Whole training steps (forward, backward, clipping, AdamW) of a model of 166 million parameters on 4 × 512 tokens,
 * against the same model of transformers with the same weights. "bf16" computes in bfloat16 and keeps weights in float32,
 * here beside bfloat16 parameters, in transformers that way or under autocast, whichever is faster.
 */
async function train(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const python = await Python.start("bench/olmoe.py");
  const cases: BenchmarkCase[] = [];
  try {
    const ids = randomIds(sizes.vocab, batch, length + 1);
    const all = torch.keep(torch.tensor(ids, { dtype: "int64" }));
    const data: Batch = { inputs: all.narrow(1, 0, length), targets: all.narrow(1, 1, length) };
    for (const precision of ["f32", "bf16"] as const) {
      const model = await makeBoth(python);
      const computed: Precision = precision === "f32" ? "f32" : { params: "bf16" };
      const optimizer = new AdamW(model, { lr }, { masterWeights: convertParameters(model, computed) });
      const seen = { ours: [] as number[], baseline: [] as number[] };
      const ours = () => {
        const start = performance.now();
        const plan = { step: 0, seed: 1, lr, clip: 1, precision: computed, withRouting: false };
        const { loss } = trainStep(model, optimizer, () => data, plan);
        seen.ours.push(loss);
        return performance.now() - start;
      };
      const theirs = async () => {
        const [milliseconds, loss] = await python.call<Step>("train_step", { ids });
        seen.baseline.push(loss);
        return milliseconds;
      };
      const [way, experts, optimizerKind] = await fastest(python, precision, ids, progress);
      await makeAnew(python, way, experts, optimizerKind);
      const measured = await alternate(ours, theirs, { rounds });
      await python.call("end_training");
      checkLosses(precision, seen);
      const note = `transformers, ${way}, ${experts}, ${optimizerKind} AdamW; ${batch} × ${length} tokens a step; loss ${seen.ours
        .map((loss) => loss.toFixed(3))
        .join(" ")}`;
      const result = compare(`${precision} training step`, measured, "ms", note);
      const speed = (milliseconds: number) => Math.round((batch * length * 1000) / milliseconds);
      progress(`${result.case}: ${speed(result.ours)} tokens/s, ${speed(result.baseline)} in ${note}`);
      cases.push(result);
      for (const tensor of Object.values(optimizer.stateDict())) tensor.dispose();
      for (const parameter of model.parameters()) parameter.dispose();
      torch.collectGarbage();
    }
  } finally {
    await python.stop();
  }
  return cases;

  /** The model's first weights again, after the steps of other variants. */
  async function makeAnew(
    python: Python,
    ...[precision, experts, optimizer]: [string, string, string]
  ): Promise<void> {
    for (const parameter of (await makeBoth(python)).parameters()) parameter.dispose();
    await python.call("prepare_training", { precision, experts, optimizer });
  }
}

async function fastest(
  python: Python,
  precision: keyof typeof variants,
  ids: number[][],
  progress: (line: string) => void,
): Promise<[string, string, string]> {
  const found: { way: [string, string, string]; milliseconds: number }[] = [];
  for (const [way, experts] of variants[precision]) {
    for (const optimizer of experts === "eager" ? ["fused"] : ["fused", "foreach"]) {
      await python.call("prepare_training", { precision: way, experts, optimizer });
      let milliseconds = Infinity;
      for (let step = 0; step < 3; step++) {
        milliseconds = Math.min(milliseconds, (await python.call<Step>("train_step", { ids }))[0]);
      }
      await python.call("end_training");
      progress(`transformers, ${way}, ${experts}, ${optimizer}: ${Math.round(milliseconds)} ms`);
      found.push({ way: [way, experts, optimizer], milliseconds });
    }
  }
  return found.sort((a, b) => a.milliseconds - b.milliseconds)[0].way;
}

/** Both train the same model on the same data: so the losses must fall alike. */
function checkLosses(precision: string, { ours, baseline }: { ours: number[]; baseline: number[] }): void {
  const limit = precision === "f32" ? 2e-3 : 2e-2;
  for (const [step, loss] of ours.entries()) {
    if (Math.abs(loss - baseline[step]) > limit) {
      throw new Error(`${precision}, step ${step}: loss ${loss} here, ${baseline[step]} in transformers`);
    }
  }
}

export const benchmark: Benchmark = { name: "train", run: train };
