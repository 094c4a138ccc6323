import type { Batch } from "../train/trainable.js";

/**
 * Where `train.fit` gets its batches from. Any object with these methods will do.
 * @example
 * const dataset = {
 *   batch(step: number) {
 *     torch.manualSeed(step);
 *     const ids = torch.randint(0, 10, [8, 33], { dtype: "int64" });
 *     return { inputs: ids.slice(1, 0, 32), targets: ids.slice(1, 1, 33) };
 *   },
 * };
 */
export interface Dataset {
  /**
   * The batch of a training step, counted from 0. It must depend on nothing but its arguments: a resumed run asks
   * only for the steps that are left. Tensors made here are freed after the step.
   * @param seed the run's
   */
  batch(step: number, seed: number): Batch;
  /** The batches of the validation set, always the same and in the same order. Left out: no validation. */
  validation?(): Iterable<Batch>;
}
