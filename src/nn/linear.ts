import { autocastDtype } from "../torch/autocast.js";
import { isGradEnabled } from "../torch/autograd.js";
import { linear } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import { randomWeight, type WeightOptions, weightOptionNames } from "./initialise.js";
import { hasKernel } from "./kernels.js";
import { Module } from "./module.js";
import { checkCount, checkOptionNames } from "./options.js";
import type { Parameter } from "./parameter.js";

export interface LinearOptions extends WeightOptions {
  /** Adds a learned vector. Default true. */
  bias?: boolean;
}

/** Rows of x up to which reading the weights is what takes the time. */
const mostFewRows = 8;

/**
 * The answers of several layers to the same input. A few rows without gradients, as when tokens are generated one by one,
 * go through all weights in one pass at the speed of memory.
 */
export function linearTogether(x: Tensor, layers: readonly Linear[]): Tensor[] {
  const few =
    x.numel <= mostFewRows * x.shape[x.ndim - 1] &&
    x.numel > 0 &&
    hasKernel(x) &&
    layers.every(({ weight, bias }) => !bias && weight.dtype === x.dtype && weight.device === x.device) &&
    !isGradEnabled() &&
    autocastDtype(x.device) === null;
  if (!few) return layers.map(({ weight, bias }) => linear(x, weight, bias));
  return ops.moelab.linear_few_rows(
    x,
    layers.map(({ weight }) => weight),
  );
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
    return linearTogether(x, [this])[0];
  }

  override extraRepr(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias ? "" : ", bias: false"}`;
  }
}
