import { noGrad } from "../torch/autograd.js";
import { keep, tidy } from "../torch/lifetime.js";
import { arange, cat } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import { hasKernel } from "./kernels.js";

/**
 * Rotary position embedding (arXiv 2104.09864) with halves rotated, as GPT-NeoX and Llama do: dimension j is paired
 * with j + headDim/2 and turned by position · theta^(-2j/headDim). Angles, sines and cosines are float32 whatever the
 * dtype of the model: bfloat16 angles move logits visibly.
 */
export class RotaryEmbedding {
  private cos: Tensor | undefined;
  private sin: Tensor | undefined;

  constructor(
    readonly headDim: number,
    readonly theta: number,
  ) {}

  /**
   * @param x [..., length, headDim]
   * @param offset position of the first of `length`
   */
  apply(x: Tensor, offset = 0): Tensor {
    const length = x.shape[x.ndim - 2];
    const half = this.headDim / 2;
    const { cos, sin } = this.table(offset + length, x.device);
    if (hasKernel(x) && x.ndim === 4) return ops.moelab.rotary(x, cos, sin, offset);
    const cosHere = cos.narrow(0, offset, length).to(x.dtype);
    const sinHere = sin.narrow(0, offset, length).to(x.dtype);
    const rotated = cat([x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)], -1);
    return x.mul(cosHere).add(rotated.mul(sinHere));
  }

  /** Cosines and sines for at least `length` positions, float32 [positions, headDim]. */
  private table(length: number, device: string): { cos: Tensor; sin: Tensor } {
    if (this.cos && this.sin && this.cos.shape[0] >= length && this.cos.device === device) {
      return { cos: this.cos, sin: this.sin };
    }
    this.cos?.dispose();
    this.sin?.dispose();
    // Room to grow, so that decoding token by token does not build a table for every length.
    const positions = 2 ** Math.ceil(Math.log2(Math.max(length, 64)));
    const [cos, sin] = noGrad(() =>
      tidy(() => {
        const exponents = arange(0, this.headDim, 2, { dtype: "float32", device }).div(this.headDim);
        const frequencies = exponents.mul(-Math.log(this.theta)).exp();
        const angles = arange(positions, { dtype: "float32", device }).outer(frequencies);
        const both = cat([angles, angles], -1);
        return [keep(both.cos()), keep(both.sin())];
      }),
    );
    this.cos = cos;
    this.sin = sin;
    return { cos, sin };
  }
}
