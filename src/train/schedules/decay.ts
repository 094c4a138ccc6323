import { checkChoice, checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import { type Schedule, warmupFactor } from "./schedule.js";

export interface ConstantOptions {
  /** Steps over which the factor rises linearly to 1. Default 0. */
  warmup?: number;
}

export interface DecayOptions extends ConstantOptions {
  /** Factor at the last step. */
  minFactor?: number;
  /** Steps at which the decay ends. Default: those of the run. */
  steps?: number;
}

/** No change over training, after a linear warm-up if there is one. */
export function constant(options: ConstantOptions = {}): Schedule {
  checkOptionNames("train.constant", options, ["warmup"]);
  const warmup = checkCount("train.constant", "warmup", options.warmup ?? 0, 0);
  return (step) => warmupFactor(step, warmup);
}

/** A straight line from 1 down to `minFactor` (default 0) at the last step, after a linear warm-up if there is one. */
export function linear(options: DecayOptions = {}): Schedule {
  return decaying("train.linear", options, 0, (rest) => rest);
}

/**
 * Half a cosine from 1 down to `minFactor` (default 0) at the last step, after a linear warm-up if there is one
 * (Loshchilov and Hutter, "SGDR", equation 5, with one period).
 */
export function cosine(options: DecayOptions = {}): Schedule {
  return decaying("train.cosine", options, 0, (rest) => 0.5 * (1 + Math.cos(Math.PI * (1 - rest))));
}

export interface WarmupCosineOptions extends DecayOptions {
  warmup: number;
}

/** {@link cosine} with a warm-up; `minFactor` is 0.1 by default. */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  return decaying("train.warmupCosine", options, 0.1, (rest) => 0.5 * (1 + Math.cos(Math.PI * (1 - rest))));
}

export interface StepLROptions {
  /** Steps between two drops. */
  stepSize: number;
  /** What the factor is multiplied by. Default 0.1. */
  gamma?: number;
}

/** gamma^⌊step / stepSize⌋, as `torch.optim.lr_scheduler.StepLR`. */
export function stepLR(options: StepLROptions): Schedule {
  checkOptionNames("train.stepLR", options, ["stepSize", "gamma"]);
  const stepSize = checkCount("train.stepLR", "stepSize", options.stepSize);
  const gamma = checkReal("train.stepLR", "gamma", options.gamma ?? 0.1, { min: 0 });
  return (step) => gamma ** Math.floor(step / stepSize);
}

/**
 * Linear warm-up, then √(warmup / step) (Vaswani et al., "Attention is all you need", section 5.3, scaled so that its
 * maximum is 1).
 */
export function inverseSqrt(options: { warmup: number }): Schedule {
  checkOptionNames("train.inverseSqrt", options, ["warmup"]);
  const warmup = checkCount("train.inverseSqrt", "warmup", options.warmup, 0);
  const scale = Math.max(1, warmup);
  return (step) => (step < warmup ? warmupFactor(step, warmup) : Math.sqrt(scale / Math.max(scale, step)));
}

export interface WSDOptions extends DecayOptions {
  /** Steps of the decay at the end. */
  decay: number;
  /** Of the decay: "linear", "cosine" or "sqrt", 1 − √progress. Default "linear". */
  shape?: "linear" | "cosine" | "sqrt";
}

/**
 * Warm-up, stable, decay: 1 until the last `decay` steps, which go down to `minFactor` (default 0). A run can so be
 * prolonged from any checkpoint before the decay. (Hu et al., "MiniCPM", arXiv 2404.06395; "sqrt": Hägele et al., arXiv
 * 2405.18392)
 */
export function wsd({ decay, shape = "linear", ...options }: WSDOptions): Schedule {
  const owner = "train.wsd";
  const { warmup, minFactor, steps: end } = checkDecay(owner, options, 0);
  checkCount(owner, "decay", decay);
  checkChoice(owner, "shape", shape, ["linear", "cosine", "sqrt"]);
  return (step, steps) => {
    const progress = Math.min(1, Math.max(0, (step + 1 - ((end ?? steps) - decay)) / decay));
    const rest =
      shape === "linear"
        ? 1 - progress
        : shape === "sqrt"
          ? 1 - Math.sqrt(progress)
          : 0.5 * (1 + Math.cos(Math.PI * progress));
    return Math.min(warmupFactor(step, warmup), minFactor + (1 - minFactor) * rest);
  };
}

/** @param shape of the share of the decay that is left, 1 to 0 */
function decaying(
  owner: string,
  options: DecayOptions,
  defaultMinimum: number,
  shape: (rest: number) => number,
): Schedule {
  const { warmup, minFactor, steps: end } = checkDecay(owner, options, defaultMinimum);
  return (step, steps) => {
    if (step < warmup) return warmupFactor(step, warmup);
    const last = Math.max((end ?? steps) - 1, warmup + 1);
    const progress = Math.min(1, (step - warmup) / (last - warmup));
    return minFactor + (1 - minFactor) * shape(1 - progress);
  };
}

function checkDecay(owner: string, options: DecayOptions, defaultMinimum: number) {
  checkOptionNames(owner, options, ["warmup", "minFactor", "steps"]);
  const { warmup = 0, minFactor = defaultMinimum, steps } = options;
  checkReal(owner, "warmup", warmup, { min: 0 });
  checkReal(owner, "minFactor", minFactor, { min: 0, max: 1 });
  if (steps !== undefined) checkCount(owner, "steps", steps);
  return { warmup, minFactor, steps };
}
