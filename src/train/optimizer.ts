import type { Tensor } from "../torch/tensor.js";

/** What an optimizer takes from a model: modules have it. */
export interface Parameters {
  namedParameters(): Iterable<readonly [name: string, parameter: Tensor]>;
}

export interface Optimizer {
  /** Learning rate at a schedule factor of 1. */
  readonly lr: number;
  /** Updates the parameters that have a gradient. @param lr default `this.lr` */
  step(lr?: number): void;
  /** Drops the gradients. */
  zeroGrad(): void;
  /** Everything that a later run needs to go on: tensors that share memory with the optimizer's. */
  stateDict(): Record<string, Tensor>;
  /** Copies a state in. @throws Error naming missing, surplus and misshapen entries */
  loadStateDict(state: Record<string, Tensor>): void;
}

/** Binds an optimizer to the parameters of a model. */
export type OptimizerFor = (model: Parameters) => Optimizer;
