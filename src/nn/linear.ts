import { linear } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { randomWeight, type WeightOptions, weightOptionNames } from "./initialise.js";
import { Module } from "./module.js";
import { checkCount, checkOptionNames } from "./options.js";
import type { Parameter } from "./parameter.js";
import { products } from "./products.js";

export interface LinearOptions extends WeightOptions {
  /** Adds a learned vector. Default true. */
  bias?: boolean;
}

/** y = x·Wᵀ + b over the last dimension. Weights: as PyTorch, uniform between ±1/√inFeatures. */
export class Linear extends Module {
  /** [outFeatures, inFeatures] */
  weight: Parameter;
  /** [outFeatures] */
  bias: Parameter | null;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: LinearOptions = {},
  ) {
    super();
    checkOptionNames("nn.Linear", options, ["bias", ...weightOptionNames]);
    checkCount("nn.Linear", "inFeatures", inFeatures);
    checkCount("nn.Linear", "outFeatures", outFeatures);
    const { bias = true, ...weights } = options;
    this.weight = randomWeight([outFeatures, inFeatures], inFeatures, weights);
    this.bias = bias ? randomWeight([outFeatures], inFeatures, { ...weights, std: undefined }) : null;
  }

  /** [..., inFeatures] → [..., outFeatures] */
  forward(x: Tensor): Tensor {
    return this.bias ? linear(x, this.weight, this.bias) : products(x, [this.weight])[0];
  }

  override extraRepr(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias ? "" : ", bias: false"}`;
  }
}
