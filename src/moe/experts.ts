import { type Activation, activate, activations, projectionsPerUnit } from "../nn/activation.js";
import { randomWeight, type WeightOptions } from "../nn/initialise.js";
import { Module } from "../nn/module.js";
import { checkChoice } from "../nn/options.js";
import { type Parameter, partOf } from "../nn/parameter.js";
import { autocastDtype } from "../torch/autocast.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import { type Dispatch, permute, unpermute } from "./dispatch.js";
import { groupedLinear } from "./groupedLinear.js";

/** E feed-forward blocks of equal size, down(activation(up(x))) without biases, their weights in one tensor each. */
export class Experts extends Module {
  readonly activation: Activation;
  /** [E, hidden, dim]; for "swiglu" [E, 2 · hidden, dim], of each expert first the gate's rows. */
  upProj: Parameter;
  /** [E, dim, hidden] */
  downProj: Parameter;
  /**
   * Whether the backward pass computes the hidden units again instead of having them kept for it, with the same gradients to
   * the bit: rows · hidden elements less for each layer (twice as many for "swiglu"), for the time of one more product with
   * {@link upProj}. Only where moelab has kernels of its own: on the CPU in float32 and bfloat16, on a GPU where they were built (float16
   * too). Default false.
   */
  recompute = false;

  constructor(
    public count: number,
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

  /** Gives up all experts but `count` from `first` on: other ranks have them. */
  keepOnly(first: number, count: number): void {
    for (const name of ["upProj", "downProj"] as const) {
      const whole = this[name];
      this[name] = partOf(whole, "expert", first, count);
      whole.dispose();
    }
    this.count = count;
  }

  /**
   * Σ over the choices of each token of weight · expert(x).
   * @param x tokens, [T, dim]
   * @param weights of each choice, [T, k]
   * @returns [T, dim]
   */
  forward(x: Tensor, weights: Tensor, dispatched: Dispatch): Tensor {
    // Neither way is among the operators that autocast knows.
    const dtype = (x.dtype !== "float64" && autocastDtype(x.device)) || x.dtype;
    const [input, up, down] = [x, this.upProj, this.downProj].map((each) => each.to(dtype));
    if (hasKernel(input)) {
      const { order, taken } = dispatched;
      return ops.moelab.expert_ffn(
        input,
        up,
        down,
        weights.float(),
        order,
        taken,
        this.activation,
        this.recompute,
      );
    }
    const { taken } = dispatched;
    const projected = groupedLinear(permute(input, dispatched, weights.shape[1]), up, taken);
    const answers = groupedLinear(activate(this.activation, projected), down, taken);
    return unpermute(answers, weights, dispatched);
  }

  override extraRepr(): string {
    return `${this.count} × (${this.dim} → ${this.hidden} → ${this.dim}), ${this.activation}`;
  }
}

/** Where moelab has kernels of its own; anywhere else PyTorch's operators do the same. */
function hasKernel({ device, dtype }: Tensor): boolean {
  if (dtype !== "float32" && dtype !== "bfloat16" && dtype !== "float16") return false;
  return device === "cpu" ? dtype !== "float16" : device.startsWith("cuda") && hasCudaKernels();
}

let cudaKernels: boolean | undefined;

/** Only a build with CUDA's compiler has them. */
function hasCudaKernels(): boolean {
  cudaKernels ??= ops.moelab.has_kernel("expert_ffn", "cuda") as boolean;
  return cudaKernels;
}
