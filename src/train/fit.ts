import { resolve } from "node:path";
import type { Dataset } from "../data/dataset.js";
import { checkChoice, checkOptionNames } from "../nn/options.js";
import { tidy } from "../torch/lifetime.js";
import { type CheckpointPlace, latestCheckpoint, readCheckpoint, removeCheckpoints } from "./checkpoint.js";
import { History } from "./history.js";
import { DynamicLossScale, type LossScale, type LossScaleOptions, StaticLossScale } from "./lossScale.js";
import { adamw } from "./optimizers/adam.js";
import type { Optimizer, OptimizerFor } from "./optimizers/optimizer.js";
import { checkPrecision, convertParameters, needsLossScale, type Precision } from "./precision.js";
import { type Beginning, Run, type RunPlan } from "./run.js";
import { constant } from "./schedules/decay.js";
import type { Schedule } from "./schedules/schedule.js";
import type { Trainable } from "./trainable.js";

export interface FitOptions {
  /** Updates to make. */
  steps: number;
  /** Default `train.adamw()`. An optimizer that exists already keeps its state. */
  optimizer?: OptimizerFor | Optimizer;
  /** Factor of the optimizer's learning rate over the steps. Default 1 throughout. */
  schedule?: Schedule;
  /** Largest 2-norm of all gradients; larger ones are scaled down. Default 1; Infinity for none. */
  clip?: number;
  /**
   * Default "f32". "bf16" computes matrix products in bfloat16; weights and optimizer stay in float32. `{ params: "bf16" }`
   * has the parameters in bfloat16, too, with a weight in float32 for each in the optimizer. "f16" and `{ params: "f16" }`
   * likewise, with {@link lossScale}.
   */
  precision?: Precision;
  /** Of "f16": dynamic with these options (default), or a scale that stays. A step that overflows makes no update. */
  lossScale?: LossScaleOptions | number;
  /**
   * Batches to a step: their gradients add up to those of one batch that holds them all, each counting by its targets.
   * Losses of a batch's routing, such as auxLoss, are averaged. Step s takes the batches s·n to s·n + n − 1. Default 1.
   */
  gradientAccumulationSteps?: number;
  /**
   * A loss or gradients that are not finite: "stop" ends the run with an error that says where they come from, "skip"
   * leaves the update out and goes on with the next batch. Either way the weights stay as they were. Default "stop".
   */
  onNonFinite?: "stop" | "skip";
  /** Steps without a token after which an expert is warned of as dead. Default 100. */
  deadExpertSteps?: number;
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
  const owner = "train.fit";
  checkOptionNames(owner, options, optionNames);
  const { steps, seed = 0, clip = 1, keepLast = 2, checkpointEvery = 500, schedule = constant() } = options;
  wholeNumber("steps", steps, 1);
  wholeNumber("checkpointEvery", checkpointEvery, 1);
  wholeNumber("keepLast", keepLast, 1);
  if (!Number.isSafeInteger(seed))
    throw new RangeError(`train.fit: seed should be a whole number, got ${seed}`);
  if (!(clip > 0)) throw new RangeError(`train.fit: clip should be above 0 (Infinity for none), got ${clip}`);
  const precision = checkPrecision(owner, options.precision ?? "f32");
  const lossScale = lossScaleFor(owner, precision, options.lossScale);
  const onNonFinite = checkChoice(owner, "onNonFinite", options.onNonFinite ?? "stop", ["stop", "skip"]);
  const accumulate = wholeNumber("gradientAccumulationSteps", options.gradientAccumulationSteps ?? 1, 1);
  const deadExpertSteps = wholeNumber("deadExpertSteps", options.deadExpertSteps ?? 100, 1);
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
  if (typeof precision === "object" && typeof given !== "function") {
    throw new TypeError(
      "train.fit: half-precision parameters need an optimizer that takes over their weights in float32: " +
        "pass one to be made, such as train.adamw({ … }), instead of one that exists",
    );
  }
  const place = findCheckpoint(options);
  const weights = convertParameters(model, precision);
  const masterWeights = typeof precision === "object" && precision.master === "none" ? null : weights;
  const optimizer = typeof given === "function" ? given(model, { masterWeights }) : given;
  const plan: RunPlan = {
    model,
    dataset,
    optimizer,
    schedule,
    steps,
    seed,
    clip,
    precision,
    accumulate,
    ...(lossScale ? { lossScale } : {}),
    onNonFinite,
    deadExpertSteps,
    routingEvery: wholeNumber("routingEvery", options.routingEvery ?? Math.ceil(steps / 2000), 1),
    ...(options.evaluate
      ? { evaluate: { every: options.evaluate.every, batches: options.evaluate.batches ?? Infinity } }
      : {}),
    ...(options.checkpoint
      ? { checkpoint: { folder: resolve(options.checkpoint), every: checkpointEvery, keepLast } }
      : {}),
  };
  return new Run(plan, begin(plan, place));
}

function lossScaleFor(
  owner: string,
  precision: Precision,
  given: FitOptions["lossScale"],
): LossScale | undefined {
  if (needsLossScale(precision)) {
    const name = `${owner} lossScale`;
    return typeof given === "number" ? new StaticLossScale(name, given) : new DynamicLossScale(name, given);
  }
  if (given !== undefined) {
    throw new Error(`${owner}: lossScale is for precision "f16" and { params: "f16" }; leave it out`);
  }
  return undefined;
}

/** The checkpoint to go on from, if any. Removes those that are to be overwritten. */
function findCheckpoint(options: FitOptions): CheckpointPlace | undefined {
  const { resume = false, overwrite = false } = options;
  if (!options.checkpoint) {
    if (resume) throw new Error("train.fit: `resume` needs the folder to resume from: set `checkpoint`");
    return undefined;
  }
  const folder = resolve(options.checkpoint);
  const latest = latestCheckpoint(folder);
  if (overwrite) {
    if (resume)
      throw new Error("train.fit: `overwrite` removes the checkpoints that `resume` asks for: set only one");
    removeCheckpoints(folder);
    return undefined;
  }
  if (!latest && resume === true) {
    throw new Error(
      `train.fit: there is no checkpoint in ${folder} to resume from; resume: "auto" starts anew in that case`,
    );
  }
  if (latest && !resume) {
    throw new Error(
      `train.fit: ${folder} holds checkpoints up to step ${latest.step}. To go on from there set resume: true (or ` +
        '"auto"), to discard them overwrite: true, to keep them apart choose another folder.',
    );
  }
  return latest;
}

/** Where the run starts: at nothing, or at a checkpoint, whose tensors it loads. */
function begin(plan: RunPlan, place: CheckpointPlace | undefined): Beginning {
  if (!place) return { step: 0, history: new History(), skipped: 0, warnings: [] };
  return tidy(() => {
    const checkpoint = readCheckpoint(place.path);
    const { state, history } = checkpoint;
    const { step, seed, skipped = 0, warnings = [], lossScale } = state;
    if (seed !== plan.seed) {
      throw new Error(
        `train.fit: ${place.path} was trained with seed ${seed}, now it is ${plan.seed}: data and dropout would ` +
          `not be those of one run. Set seed: ${seed}.`,
      );
    }
    plan.model.loadStateDict(checkpoint.model);
    plan.optimizer.loadStateDict(checkpoint.optimizer);
    if (lossScale) plan.lossScale?.load(lossScale);
    return { step, history, skipped, warnings, checkpoint: place.path };
  });
}

const optionNames = [
  ...[
    "steps",
    "optimizer",
    "schedule",
    "clip",
    "precision",
    "lossScale",
    "gradientAccumulationSteps",
    "onNonFinite",
  ],
  ...[
    "deadExpertSteps",
    "seed",
    "evaluate",
    "checkpoint",
    "checkpointEvery",
    "keepLast",
    "resume",
    "overwrite",
  ],
  "routingEvery",
];

function wholeNumber(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`train.fit: ${name} should be a whole number of ${least} or more, got ${value}`);
  }
  return value;
}
