import { gelu, silu } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * What happens between the two matrices of a feed-forward block.
 * "gelu": gelu(x·upᵀ), exact (erf). "swiglu": silu(x·gateᵀ) · (x·upᵀ) (arXiv 2002.05202).
 */
export type Activation = "gelu" | "swiglu";
export const activations: readonly Activation[] = ["gelu", "swiglu"];

/** Rows of the first matrix for each hidden unit: a gated activation needs two. */
export function projectionsPerUnit(activation: Activation): 1 | 2 {
  return activation === "swiglu" ? 2 : 1;
}

/** [..., hidden · projectionsPerUnit] → [..., hidden]; of a gated activation the first half is the gate. */
export function activate(activation: Activation, projected: Tensor): Tensor {
  if (activation === "gelu") return gelu(projected);
  const [gate, up] = projected.chunk(2, -1);
  return silu(gate).mul(up);
}
