/**
 * Learning rate over training: the factor by which the optimizer's lr is multiplied.
 * @param step counted from 0
 * @param steps of the whole run
 */
export type Schedule = (step: number, steps: number) => number;

export interface WarmupCosineOptions {
  /** Steps over which the factor rises linearly to 1. */
  warmup: number;
  /** Factor at the last step. Default 0.1. */
  minFactor?: number;
  /** Steps at which the cosine ends. Default: those of the run. */
  steps?: number;
}

/**
 * Linear warm-up to 1, then half a cosine down to `minFactor` at the last step (Loshchilov and Hutter, "SGDR",
 * equation 5, with one period).
 */
export function warmupCosine({ warmup, minFactor = 0.1, steps: end }: WarmupCosineOptions): Schedule {
  if (!(warmup >= 0)) throw new RangeError(`warmupCosine: warmup should be 0 or more steps, got ${warmup}`);
  if (!(minFactor >= 0 && minFactor <= 1)) {
    throw new RangeError(`warmupCosine: minFactor should be within [0, 1], got ${minFactor}`);
  }
  return (step, steps) => {
    if (step < warmup) return (step + 1) / (warmup + 1);
    const last = Math.max((end ?? steps) - 1, warmup + 1);
    const progress = Math.min(1, (step - warmup) / (last - warmup));
    return minFactor + (1 - minFactor) * 0.5 * (1 + Math.cos(Math.PI * progress));
  };
}

/** No change over training. */
export function constant(): Schedule {
  return () => 1;
}
