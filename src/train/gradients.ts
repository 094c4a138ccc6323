import { _foreachMul_ } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";

/** Gradients of the parameters that have one, in the order of the parameters. */
export interface Gradients {
  parameters: Tensor[];
  tensors: Tensor[];
}

/**
 * Adds up the gradients of several passes. Those of half precision are added in float32, outside of `parameter.grad`:
 * in their own type small ones would be lost beside large ones.
 */
export class GradientSums {
  readonly sums = new Map<Tensor, Tensor>();

  /** Takes the gradients of a pass out of the parameters. */
  add(parameters: readonly Tensor[]): void {
    for (const parameter of parameters) {
      const { grad } = parameter;
      if (!grad || (grad.dtype !== "bfloat16" && grad.dtype !== "float16")) continue;
      const sum = this.sums.get(parameter);
      if (sum) sum.add_(grad);
      else this.sums.set(parameter, grad.to("float32"));
      parameter.grad = null;
    }
  }
}

export function gradientsOf(parameters: Iterable<Tensor>, sums?: ReadonlyMap<Tensor, Tensor>): Gradients {
  const found: Gradients = { parameters: [], tensors: [] };
  for (const parameter of parameters) {
    const gradient = sums?.get(parameter) ?? parameter.grad;
    if (!gradient) continue;
    found.parameters.push(parameter);
    found.tensors.push(gradient);
  }
  return found;
}

/** Σ x² of each tensor, float64 [tensors], on the device of the first. One pass over memory. */
export function squaredNorms(tensors: readonly Tensor[]): Tensor {
  return ops.moelab.squared_norms(tensors) as Tensor;
}

/** What gradients of a norm are multiplied by so that it is at most `maxNorm`, as PyTorch's `clip_grad_norm_`. */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === Infinity ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}

/** Multiplies gradients in place. */
export function scaleGradients(gradients: readonly Tensor[], factor: number): void {
  if (factor === 1) return;
  for (const group of byKind(gradients).values()) _foreachMul_(group, factor);
}

/** Tensors that one operator over a list takes: of one device and dtype. */
export function byKind(tensors: readonly Tensor[]): Map<string, Tensor[]> {
  const groups = new Map<string, Tensor[]>();
  for (const tensor of tensors) {
    const kind = `${tensor.device} ${tensor.dtype}`;
    const group = groups.get(kind);
    if (group) group.push(tensor);
    else groups.set(kind, [tensor]);
  }
  return groups;
}
