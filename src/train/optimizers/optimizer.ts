import type { Tensor } from "../../torch/tensor.js";

/** What an optimizer takes from a model: modules have it. */
export interface Parameters {
  namedParameters(): Iterable<readonly [name: string, parameter: Tensor]>;
}

export interface StepOptions {
  /** Gradients count times this: the factor of clipping, the inverse of a loss scale. Default 1. */
  gradientScale?: number;
  /** Gradients in place of `parameter.grad`: sums over several passes, in float32 for parameters of half precision. */
  gradients?: ReadonlyMap<Tensor, Tensor>;
  /** In place of the optimizer's own: β₁ of Adam, the momentum of SGD. */
  momentum?: number;
}

export interface Optimizer {
  /** Learning rate at a schedule factor of 1. */
  readonly lr: number;
  /**
   * True: {@link step} heeds its options, which saves a pass over the gradients. Any other optimizer finds them scaled
   * in `parameter.grad`.
   */
  readonly takesStepOptions?: boolean;
  /** Updates the parameters that have a gradient. @param lr default `this.lr` */
  step(lr?: number, options?: StepOptions): void;
  /** Drops the gradients. */
  zeroGrad(): void;
  /** Everything that a later run needs to go on: tensors that share memory with the optimizer's. */
  stateDict(): Record<string, Tensor>;
  /** Copies a state in. @throws Error naming missing, surplus and misshapen entries */
  loadStateDict(state: Record<string, Tensor>): void;
}

export interface OptimizerContext {
  /** Weights in float32 of parameters that are now in half precision, for the optimizer to take over; null: none. */
  masterWeights?: ReadonlyMap<Tensor, Tensor> | null;
}

/** Binds an optimizer to the parameters of a model. */
export type OptimizerFor = (model: Parameters, context?: OptimizerContext) => Optimizer;
