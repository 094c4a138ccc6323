import { resolve } from "node:path";
import type { Dataset } from "../data/dataset.js";
import { tidy } from "../torch/lifetime.js";
import { latestCheckpoint, readCheckpoint, removeCheckpoints } from "./checkpoint.js";
import { History } from "./history.js";
import { adamw } from "./optimizers/adam.js";
import type { Optimizer, OptimizerFor } from "./optimizers/optimizer.js";
import { Run, type RunPlan } from "./run.js";
import { constant } from "./schedules/decay.js";
import type { Schedule } from "./schedules/schedule.js";
import type { Trainable } from "./trainable.js";
import type { Precision } from "./trainStep.js";

export interface FitOptions {
  /** Updates to make. */
  steps: number;
  /** Default `train.adamw()`. An optimizer that exists already keeps its state. */
  optimizer?: OptimizerFor | Optimizer;
  /** Factor of the optimizer's learning rate over the steps. Default 1 throughout. */
  schedule?: Schedule;
  /** Largest 2-norm of all gradients; larger ones are scaled down. Default 1; Infinity for none. */
  clip?: number;
  /** Default "f32". "bf16" computes matrix products in bfloat16; weights and optimizer stay in float32. */
  precision?: Precision;
  /**
   * Decides data order and dropout: same seed, same numbers. At every step torch is seeded with a hash of seed and
   * step, so that a resumed run repeats the numbers of one that was never stopped. Default 0.
   */
  seed?: number;
  /** Validation while training. Default: none. */
  evaluate?: {
    /** Steps from one to the next; the last step has one, too. */
    every: number;
    /** At most so many batches of the validation set. Default all. */
    batches?: number;
  };
  /** Folder for checkpoints, one folder `step-000500` each. Default: none are written. */
  checkpoint?: string;
  /** Steps from one checkpoint to the next; one is also written at the end and when the run is stopped. Default 500. */
  checkpointEvery?: number;
  /** Checkpoints that stay on disk, the newest. Default 2. */
  keepLast?: number;
  /** Goes on from the newest checkpoint in `checkpoint`: true demands that there is one, "auto" starts anew without. */
  resume?: boolean | "auto";
  /** Removes checkpoints that are already in the folder; without it, and without `resume`, they are an error. */
  overwrite?: boolean;
  /**
   * Steps between records of the routing (`run.routing`), each of which costs a dozen small operators a layer and a
   * transfer from the device. Default: about 2,000 records over the run.
   */
  routingEvery?: number;
}

/**
 * Trains a model in the background and returns at once; see {@link Run} for how to follow, await, stop and resume it.
 * All tensors of a step are freed after it. Loss or gradients that are not finite end the run with an error before
 * they reach the weights.
 *
 * @example
 * const run = train.fit(model, data.text("corpus.txt", { tokenizer, contextLength: 256, batchSize: 16 }), {
 *   steps: 500, optimizer: train.adamw({ lr: 3e-4 }), schedule: train.warmupCosine({ warmup: 50 }), seed: 7,
 *   checkpoint: "runs/a", resume: "auto",
 * });
 * run.attach();
 * await run;
 * @throws Error when options contradict each other or the folder, or a checkpoint does not fit the model
 */
export function fit(model: Trainable, dataset: Dataset, options: FitOptions): Run {
  const {
    steps,
    seed = 0,
    clip = 1,
    precision = "f32",
    keepLast = 2,
    checkpointEvery = 500,
    schedule = constant(),
  } = options;
  wholeNumber("steps", steps, 1);
  wholeNumber("checkpointEvery", checkpointEvery, 1);
  wholeNumber("keepLast", keepLast, 1);
  if (!Number.isSafeInteger(seed))
    throw new RangeError(`train.fit: seed should be a whole number, got ${seed}`);
  if (!(clip > 0)) throw new RangeError(`train.fit: clip should be above 0 (Infinity for none), got ${clip}`);
  if (precision !== "f32" && precision !== "bf16") {
    throw new TypeError(`train.fit: precision should be "f32" or "bf16", got ${JSON.stringify(precision)}`);
  }
  if (typeof dataset?.batch !== "function") {
    throw new TypeError(
      "train.fit: the dataset should have a method batch(step, seed); data.text(…) makes one",
    );
  }
  if (options.evaluate) {
    wholeNumber("evaluate.every", options.evaluate.every, 1);
    if (!dataset.validation) {
      throw new Error("train.fit: `evaluate` is set, but the dataset has no validation set");
    }
  }
  const { optimizer: given = adamw() } = options;
  const optimizer = typeof given === "function" ? given(model) : given;
  const plan: RunPlan = {
    model,
    dataset,
    optimizer,
    schedule,
    steps,
    seed,
    clip,
    precision,
    routingEvery: wholeNumber("routingEvery", options.routingEvery ?? Math.ceil(steps / 2000), 1),
    ...(options.evaluate
      ? { evaluate: { every: options.evaluate.every, batches: options.evaluate.batches ?? Infinity } }
      : {}),
    ...(options.checkpoint
      ? { checkpoint: { folder: resolve(options.checkpoint), every: checkpointEvery, keepLast } }
      : {}),
  };
  return new Run(plan, begin(plan, options));
}

/** Where the run starts: at nothing, or at a checkpoint, whose tensors it loads. */
function begin(plan: RunPlan, options: FitOptions): { step: number; history: History; checkpoint?: string } {
  const nothing = { step: 0, history: new History() };
  const folder = plan.checkpoint?.folder;
  const { resume = false, overwrite = false } = options;
  if (!folder) {
    if (resume) throw new Error("train.fit: `resume` needs the folder to resume from: set `checkpoint`");
    return nothing;
  }
  const latest = latestCheckpoint(folder);
  if (overwrite) {
    if (resume)
      throw new Error("train.fit: `overwrite` removes the checkpoints that `resume` asks for: set only one");
    removeCheckpoints(folder);
    return nothing;
  }
  if (!latest) {
    if (resume === true) {
      throw new Error(
        `train.fit: there is no checkpoint in ${folder} to resume from; resume: "auto" starts anew in that case`,
      );
    }
    return nothing;
  }
  if (!resume) {
    throw new Error(
      `train.fit: ${folder} holds checkpoints up to step ${latest.step}. To go on from there set resume: true (or ` +
        '"auto"), to discard them overwrite: true, to keep them apart choose another folder.',
    );
  }
  return tidy(() => {
    const checkpoint = readCheckpoint(latest.path);
    const { state } = checkpoint;
    if (state.seed !== plan.seed) {
      throw new Error(
        `train.fit: ${latest.path} was trained with seed ${state.seed}, now it is ${plan.seed}: data and dropout would ` +
          `not be those of one run. Set seed: ${state.seed}.`,
      );
    }
    plan.model.loadStateDict(checkpoint.model);
    plan.optimizer.loadStateDict(checkpoint.optimizer);
    return { step: state.step, history: checkpoint.history, checkpoint: latest.path };
  });
}

function wholeNumber(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`train.fit: ${name} should be a whole number of ${least} or more, got ${value}`);
  }
  return value;
}
