import type { Tensor } from "../torch/tensor.js";
import { type Activation, activate, activations, projectionsPerUnit } from "./activation.js";
import { type WeightOptions, weightOptionNames } from "./initialise.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { checkChoice, checkCount, checkOptionNames } from "./options.js";

export interface FeedForwardOptions extends WeightOptions {
  /** Size of a token's vector. */
  dim: number;
  /** Hidden units. */
  hidden: number;
  /** Default "swiglu". */
  activation?: Activation;
  /** Standard deviation of the second matrix, where it differs from `std`. */
  residualStd?: number;
}

/** The dense feed-forward block: down(activation(up(x))), without biases. What a MoE layer has E of. */
export class FeedForward extends Module {
  readonly activation: Activation;
  /** dim → hidden; for "swiglu" → 2 · hidden, gate first. */
  upProj: Linear;
  /** hidden → dim */
  downProj: Linear;

  constructor(options: FeedForwardOptions) {
    super();
    const owner = "nn.FeedForward";
    checkOptionNames(owner, options, ["dim", "hidden", "activation", "residualStd", ...weightOptionNames]);
    const { dim, hidden, activation = "swiglu", residualStd, ...weights } = options;
    checkCount(owner, "dim", dim);
    checkCount(owner, "hidden", hidden);
    this.activation = checkChoice(owner, "activation", activation, activations);
    const width = hidden * projectionsPerUnit(activation);
    this.upProj = new Linear(dim, width, { bias: false, ...weights });
    this.downProj = new Linear(hidden, dim, { bias: false, ...weights, std: residualStd ?? weights.std });
  }

  /** [..., dim] → [..., dim] */
  forward(x: Tensor): Tensor {
    return this.downProj.forward(activate(this.activation, this.upProj.forward(x)));
  }

  override extraRepr(): string {
    return this.activation;
  }
}
