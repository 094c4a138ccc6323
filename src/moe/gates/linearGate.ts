import { randomWeight } from "../../nn/initialise.js";
import type { Parameter } from "../../nn/parameter.js";
import { products } from "../../nn/products.js";
import { rand } from "../../torch/operators.generated.js";
import { ops } from "../../torch/ops.js";
import type { Tensor } from "../../torch/tensor.js";
import { Gate, type GateSizes } from "../gate.js";

/** A gate whose scores are x·Wᵀ, in float32 (float64 for such input) whatever the model computes in. */
export abstract class LinearGate extends Gate {
  /** [experts, dim] */
  weight: Parameter;

  constructor(
    readonly dim: number,
    readonly experts: number,
    readonly topK: number,
    std = 0.02,
  ) {
    super();
    this.weight = randomWeight([experts, dim], dim, { std });
  }

  /** [T, dim] → [T, E] */
  logits(x: Tensor): Tensor {
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    const weight = this.weight.to(dtype);
    return x.dtype === dtype ? products(x, [weight])[0] : ops.moelab.gate_linear(x, weight);
  }

  override extraRepr(): string {
    return `${this.dim} → ${this.experts} experts, topK: ${this.topK}`;
  }
}

/** Times a random factor from 1 − epsilon to 1 + epsilon, one for each element (Switch, arXiv 2101.03961). */
export function jittered(x: Tensor, epsilon: number): Tensor {
  const noise = rand(x.shape, { device: x.device });
  return x.mul(
    noise
      .mul(2 * epsilon)
      .add(1 - epsilon)
      .to(x.dtype),
  );
}

/** Random numbers whose addition to logits makes their argmax a draw from the softmax, of the shape of `logits`. */
export function gumbelNoise(logits: Tensor): Tensor {
  // Away from 0, where the logarithm is infinite.
  return rand(logits.shape, { device: logits.device })
    .clampMin(1e-20)
    .log()
    .neg()
    .log()
    .neg()
    .to(logits.dtype);
}

/**
 * Experts a token is sent to: what the gate says, what its layer says, or a default.
 * @throws RangeError when they differ, or exceed the experts
 */
export function chosenCount(owner: string, own: number | undefined, sizes: GateSizes, fallback = 2): number {
  const { experts, topK } = sizes;
  if (topK !== undefined && own !== undefined && topK !== own) {
    throw new RangeError(`${owner}: topK is ${own}, but the layer says ${topK}; give it in one place only`);
  }
  const k = own ?? topK ?? Math.min(fallback, experts);
  if (k > experts) {
    throw new RangeError(
      `${owner}: topK must not exceed the number of experts, got topK ${k} and ${experts} experts`,
    );
  }
  return k;
}
