/**
 * DeepSpeed's schedules with its names and formulas (deepspeed/runtime/lr_schedules.py). There a schedule moves on after
 * each update: the first update has the rate of iteration −1, the second that of iteration 0.
 */
import { checkChoice, checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import type { Schedule } from "./schedule.js";

export interface WarmupOptions {
  /** Default 1000; at least 2 are made. */
  warmupNumSteps?: number;
  /** How the rate rises: "log", log(i + 1) / log(warmupNumSteps), or "linear", i / warmupNumSteps. Default "log". */
  warmupType?: "log" | "linear";
}

export interface WarmupLROptions extends WarmupOptions {
  /** Learning rate at the beginning. Default 0. */
  warmupMinLr?: number;
  /** Learning rate after the warm-up, in place of the optimizer's. Default: that one. */
  warmupMaxLr?: number;
}

const warmupNames = ["warmupNumSteps", "warmupType"];

/** Warm-up from `warmupMinLr` to `warmupMaxLr`, which stays. */
export function warmupLR(options: WarmupLROptions = {}): Schedule {
  const owner = "train.warmupLR";
  checkOptionNames(owner, options, ["warmupMinLr", "warmupMaxLr", ...warmupNames]);
  return betweenRates(owner, options, warmup(owner, options), () => 1);
}

export interface WarmupDecayLROptions extends WarmupLROptions {
  /** Updates until the rate is 0. Default: those of the run. */
  totalNumSteps?: number;
}

/** {@link warmupLR}, then a straight line down to `warmupMinLr` at `totalNumSteps`. */
export function warmupDecayLR(options: WarmupDecayLROptions = {}): Schedule {
  const owner = "train.warmupDecayLR";
  checkOptionNames(owner, options, ["totalNumSteps", "warmupMinLr", "warmupMaxLr", ...warmupNames]);
  const { totalNumSteps } = options;
  if (totalNumSteps !== undefined) checkCount(owner, "totalNumSteps", totalNumSteps);
  const rising = warmup(owner, options);
  return betweenRates(owner, options, rising, (iteration, steps) => {
    const total = totalNumSteps ?? steps;
    return Math.max(0, (total - iteration) / Math.max(1, total - rising.steps));
  });
}

export interface WarmupCosineLROptions extends WarmupOptions {
  /** Updates until the end of the cosine. Default: those of the run. */
  totalNumSteps?: number;
  /** Share of the optimizer's rate at the beginning. Default 0. */
  warmupMinRatio?: number;
  /** Share of the optimizer's rate at the end. Default 0.0001. */
  cosMinRatio?: number;
}

/** Warm-up to the optimizer's rate, then half a cosine down to `cosMinRatio` of it. The first update has a rate of 0. */
export function warmupCosineLR(options: WarmupCosineLROptions = {}): Schedule {
  const owner = "train.warmupCosineLR";
  checkOptionNames(owner, options, ["totalNumSteps", "warmupMinRatio", "cosMinRatio", ...warmupNames]);
  const { totalNumSteps } = options;
  if (totalNumSteps !== undefined) checkCount(owner, "totalNumSteps", totalNumSteps);
  const low = checkReal(owner, "warmupMinRatio", options.warmupMinRatio ?? 0, { min: 0 });
  const end = checkReal(owner, "cosMinRatio", options.cosMinRatio ?? 0.0001, { min: 0 });
  const rising = warmup(owner, options);
  return (step, steps) => {
    const iteration = step - 1;
    if (iteration < 0) return 0;
    if (iteration < rising.steps) return low + rising.gamma(iteration) * (1 - low);
    const progress = (iteration - rising.steps + 1) / ((totalNumSteps ?? steps) - rising.steps);
    return Math.max(0, end + ((1 - end) * (1 + Math.cos(Math.PI * progress))) / 2);
  };
}

export interface LRRangeTestOptions {
  /** Default 1e-3. */
  lrRangeTestMinLr?: number;
  /** Default 2000. */
  lrRangeTestStepSize?: number;
  /** Default 1. */
  lrRangeTestStepRate?: number;
  /** Rises in stairs. Default false. */
  lrRangeTestStaircase?: boolean;
}

/** minLr · (1 + stepRate · i / stepSize): a short run shows up to which rate the loss falls (arXiv 1708.07120). */
export function lrRangeTest(options: LRRangeTestOptions = {}): Schedule {
  const owner = "train.lrRangeTest";
  const name = "lrRangeTest";
  checkOptionNames(owner, options, [
    `${name}MinLr`,
    `${name}StepSize`,
    `${name}StepRate`,
    `${name}Staircase`,
  ]);
  const low = checkReal(owner, `${name}MinLr`, options.lrRangeTestMinLr ?? 1e-3, { above: 0 });
  const size = checkCount(owner, `${name}StepSize`, options.lrRangeTestStepSize ?? 2000);
  const rate = checkReal(owner, `${name}StepRate`, options.lrRangeTestStepRate ?? 1, { min: 0 });
  const { lrRangeTestStaircase: stairs = false } = options;
  return (step, _steps, lr) => {
    const interval = stairs ? Math.floor(step / size) : step / size;
    return (low * (1 + rate * interval)) / divisor(owner, lr);
  };
}

function warmup(owner: string, { warmupNumSteps = 1000, warmupType = "log" }: WarmupOptions) {
  const steps = Math.max(2, checkCount(owner, "warmupNumSteps", warmupNumSteps, 0));
  checkChoice(owner, "warmupType", warmupType, ["log", "linear"]);
  const gamma = (iteration: number) =>
    warmupType === "log" ? Math.log(iteration + 1) / Math.log(steps) : iteration / steps;
  return { steps, gamma };
}

/** Low + (high − low) · gamma, as a factor of the optimizer's rate. */
function betweenRates(
  owner: string,
  { warmupMinLr = 0, warmupMaxLr }: WarmupLROptions,
  rising: { steps: number; gamma(iteration: number): number },
  after: (iteration: number, steps: number) => number,
): Schedule {
  checkReal(owner, "warmupMinLr", warmupMinLr, { min: 0 });
  if (warmupMaxLr !== undefined) checkReal(owner, "warmupMaxLr", warmupMaxLr, { min: 0 });
  return (step, steps, lr) => {
    const iteration = step - 1;
    const high = warmupMaxLr ?? lr;
    const gamma =
      iteration < 0 ? 0 : iteration < rising.steps ? rising.gamma(iteration) : after(iteration, steps);
    return (warmupMinLr + (high - warmupMinLr) * gamma) / divisor(owner, lr);
  };
}

/** Rates become factors of the optimizer's. */
export function divisor(owner: string, lr: number): number {
  if (lr > 0) return lr;
  throw new RangeError(
    `${owner}: the optimizer's lr must be above 0, got ${lr}; it is scaled to the schedule's`,
  );
}
