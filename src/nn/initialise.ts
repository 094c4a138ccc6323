import type { DType } from "../torch/dtype.js";
import { tidy } from "../torch/lifetime.js";
import type { Device } from "../torch/operator.js";
import { empty } from "../torch/operators.generated.js";
import { Parameter } from "./parameter.js";

/** Options that every layer with weights takes. Random values come from the generator that `torch.manualSeed` seeds. */
export interface WeightOptions {
  /** Draws the weights from a normal distribution with this standard deviation instead of the layer's default. */
  std?: number;
  /** Default "float32". */
  dtype?: DType;
  /** Default "cpu". */
  device?: Device;
}

export const weightOptionNames = ["std", "dtype", "device"] as const;

/**
 * A weight matrix (or several: the leading dimensions) for inputs of size `fanIn`: normal with `std`, or, as PyTorch's
 * nn.Linear, uniform between ±1/√fanIn.
 */
export function randomWeight(shape: readonly number[], fanIn: number, options: WeightOptions): Parameter {
  const { std, dtype = "float32", device = "cpu" } = options;
  return tidy(() => {
    const values = empty(shape, { dtype, device });
    if (std !== undefined) values.normal_(0, std);
    else values.uniform_(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
    return new Parameter(values);
  });
}

/** A parameter whose values are all the same. */
export function constantWeight(shape: readonly number[], value: number, options: WeightOptions): Parameter {
  const { dtype = "float32", device = "cpu" } = options;
  return tidy(() => new Parameter(empty(shape, { dtype, device }).fill_(value)));
}
