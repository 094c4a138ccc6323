import { avgPool2d, conv2d, maxPool2d } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { randomWeight, type WeightOptions, weightOptionNames } from "./initialise.js";
import { Module } from "./module.js";
import { checkCount, checkOptionNames } from "./options.js";
import type { Parameter } from "./parameter.js";

/** One number for both directions, or [height, width]. */
export type Size2d = number | readonly [number, number];

export interface Conv2dOptions extends WeightOptions {
  /** Default 1. */
  stride?: Size2d;
  /** Zeros around the image. Default 0. */
  padding?: Size2d;
  /** Distance between the kernel's elements. Default 1. */
  dilation?: Size2d;
  /** Groups of channels that do not see each other. Default 1. */
  groups?: number;
  /** Adds a learned number to each channel. Default true. */
  bias?: boolean;
}

/** Cross-correlation of images with learned kernels, as PyTorch's; weights uniform between ±1/√(inputs of an output). */
export class Conv2d extends Module {
  /** [outChannels, inChannels / groups, height, width] */
  weight: Parameter;
  /** [outChannels] */
  bias: Parameter | null;
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: Size2d,
    options: Conv2dOptions = {},
  ) {
    super();
    const owner = "nn.Conv2d";
    checkOptionNames(owner, options, [
      "stride",
      "padding",
      "dilation",
      "groups",
      "bias",
      ...weightOptionNames,
    ]);
    checkCount(owner, "inChannels", inChannels);
    checkCount(owner, "outChannels", outChannels);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, ...weights } = options;
    this.kernelSize = pair(owner, "kernelSize", kernelSize);
    this.stride = pair(owner, "stride", stride);
    this.padding = pair(owner, "padding", padding, 0);
    this.dilation = pair(owner, "dilation", dilation);
    this.groups = checkCount(owner, "groups", groups);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new RangeError(
        `${owner}: groups must divide inChannels and outChannels, got ${groups} groups of ${inChannels} and ${outChannels}`,
      );
    }
    const [height, width] = this.kernelSize;
    const fanIn = (inChannels / groups) * height * width;
    this.weight = randomWeight([outChannels, inChannels / groups, height, width], fanIn, weights);
    this.bias = bias ? randomWeight([outChannels], fanIn, { ...weights, std: undefined }) : null;
  }

  /** [batch, inChannels, height, width] → [batch, outChannels, …] */
  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    return conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups });
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding } = this;
    return `${inChannels}, ${outChannels}, ${sizes({ kernelSize, stride, padding })}`;
  }
}

export interface PoolOptions {
  /** Default: the size of the window, so that windows lie side by side. */
  stride?: Size2d;
  /** Around the image, at most half the window. Default 0. */
  padding?: Size2d;
}

abstract class Pool2d extends Module {
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];

  constructor(owner: string, kernelSize: Size2d, options: PoolOptions) {
    super();
    checkOptionNames(owner, options, ["stride", "padding"]);
    this.kernelSize = pair(owner, "kernelSize", kernelSize);
    this.stride = pair(owner, "stride", options.stride ?? this.kernelSize);
    this.padding = pair(owner, "padding", options.padding ?? 0, 0);
  }

  /** [batch, channels, height, width] → [batch, channels, …] */
  abstract override forward(x: Tensor): Tensor;

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return sizes({ kernelSize, stride, padding });
  }
}

/** The largest value of each window. */
export class MaxPool2d extends Pool2d {
  constructor(kernelSize: Size2d, options: PoolOptions = {}) {
    super("nn.MaxPool2d", kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, { stride: this.stride, padding: this.padding });
  }
}

/** The mean of each window. */
export class AvgPool2d extends Pool2d {
  constructor(kernelSize: Size2d, options: PoolOptions = {}) {
    super("nn.AvgPool2d", kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, { stride: this.stride, padding: this.padding });
  }
}

function pair(owner: string, name: string, size: Size2d, min = 1): readonly [number, number] {
  const both = typeof size === "number" ? [size, size] : size;
  if (!Array.isArray(both) || both.length !== 2) {
    throw new RangeError(`${owner}: ${name} must be a whole number or [height, width]`);
  }
  return [checkCount(owner, name, both[0], min), checkCount(owner, name, both[1], min)];
}

/** "kernelSize: 5 × 5, stride: 1 × 1" */
function sizes(named: Record<string, readonly [number, number]>): string {
  return Object.entries(named)
    .map(([name, size]) => `${name}: ${size.join(" × ")}`)
    .join(", ");
}
