import { type Activation, activate, activations, projectionsPerUnit } from "../nn/activation.js";
import { randomWeight, type WeightOptions } from "../nn/initialise.js";
import { Module } from "../nn/module.js";
import { checkChoice } from "../nn/options.js";
import type { Parameter } from "../nn/parameter.js";
import type { Tensor } from "../torch/tensor.js";
import { groupedLinear } from "./groupedLinear.js";

/** E feed-forward blocks of equal size, down(activation(up(x))) without biases, their weights in one tensor each. */
export class Experts extends Module {
  readonly activation: Activation;
  /** [E, hidden, dim]; for "swiglu" [E, 2 · hidden, dim], of each expert first the gate's rows. */
  upProj: Parameter;
  /** [E, dim, hidden] */
  downProj: Parameter;

  constructor(
    readonly count: number,
    readonly dim: number,
    readonly hidden: number,
    activation: Activation,
    weights: WeightOptions,
    residualStd?: number,
  ) {
    super();
    this.activation = checkChoice("moe.MoELayer", "activation", activation, activations);
    const width = hidden * projectionsPerUnit(activation);
    this.upProj = randomWeight([count, width, dim], dim, weights);
    this.downProj = randomWeight([count, dim, hidden], hidden, {
      ...weights,
      std: residualStd ?? weights.std,
    });
  }

  /**
   * @param x rows in runs, the first for expert 0 and so on, [rows, dim]
   * @param taken length of each run, int64 [E]
   * @returns [rows, dim]
   */
  forward(x: Tensor, taken: Tensor): Tensor {
    const projected = groupedLinear(x, this.upProj, taken);
    return groupedLinear(activate(this.activation, projected), this.downProj, taken);
  }

  override extraRepr(): string {
    return `${this.count} × (${this.dim} → ${this.hidden} → ${this.dim}), ${this.activation}`;
  }
}
