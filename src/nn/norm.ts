import { layerNorm, rmsNorm } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import { constantWeight, type WeightOptions } from "./initialise.js";
import { hasKernel } from "./kernels.js";
import { Module } from "./module.js";
import { checkCount, checkOptionNames, checkReal } from "./options.js";
import type { Parameter } from "./parameter.js";

export interface NormOptions extends Pick<WeightOptions, "dtype" | "device"> {
  /** Added under the root. Default 1e-5. */
  eps?: number;
}

/** y = weight · x / √(mean(x²) + eps) over the last dimension (arXiv 1910.07467). Weights start at 1. */
export class RMSNorm extends Module {
  /** [dim] */
  weight: Parameter;
  readonly eps: number;

  constructor(
    readonly dim: number,
    options: NormOptions = {},
  ) {
    super();
    checkOptionNames("nn.RMSNorm", options, ["eps", "dtype", "device"]);
    checkCount("nn.RMSNorm", "dim", dim);
    this.eps = checkReal("nn.RMSNorm", "eps", options.eps ?? 1e-5, { min: 0 });
    this.weight = constantWeight([dim], 1, options);
  }

  /** [..., dim] → [..., dim] */
  forward(x: Tensor): Tensor {
    return hasKernel(x) && hasKernel(this.weight) && x.shape[x.ndim - 1] === this.dim
      ? ops.moelab.rms_norm(x, this.weight, this.eps)
      : rmsNorm(x, [this.dim], this.weight, this.eps);
  }

  override extraRepr(): string {
    return `${this.dim}, eps: ${this.eps}`;
  }
}

/**
 * y = weight · (x - mean) / √(variance + eps) + bias over the last dimension (arXiv 1607.06450). Weights start at 1,
 * the bias at 0.
 */
export class LayerNorm extends Module {
  /** [dim] */
  weight: Parameter;
  /** [dim] */
  bias: Parameter | null;
  readonly eps: number;

  /** @param options `bias: false` leaves the bias out. */
  constructor(
    readonly dim: number,
    options: NormOptions & { bias?: boolean } = {},
  ) {
    super();
    checkOptionNames("nn.LayerNorm", options, ["eps", "bias", "dtype", "device"]);
    checkCount("nn.LayerNorm", "dim", dim);
    this.eps = checkReal("nn.LayerNorm", "eps", options.eps ?? 1e-5, { min: 0 });
    this.weight = constantWeight([dim], 1, options);
    this.bias = options.bias === false ? null : constantWeight([dim], 0, options);
  }

  /** [..., dim] → [..., dim] */
  forward(x: Tensor): Tensor {
    return layerNorm(x, [this.dim], this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return `${this.dim}, eps: ${this.eps}${this.bias ? "" : ", bias: false"}`;
  }
}
