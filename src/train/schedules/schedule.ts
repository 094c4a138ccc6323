/**
 * Learning rate over training: the factor by which the optimizer's lr is multiplied. A function of its arguments alone,
 * so that a resumed run goes on with it.
 */
export interface Schedule {
  /**
   * @param step updates made before, counted from 0
   * @param steps of the whole run
   * @param lr of the optimizer, for schedules whose options are learning rates
   */
  (step: number, steps: number, lr: number): number;
  /** Momentum of SGD, β₁ of Adam, in place of the optimizer's own. */
  momentum?(step: number, steps: number): number;
}

/** Rises linearly to 1, which it reaches after `warmup` steps; the first step is not lost to a rate of 0. */
export function warmupFactor(step: number, warmup: number): number {
  return step < warmup ? (step + 1) / (warmup + 1) : 1;
}
