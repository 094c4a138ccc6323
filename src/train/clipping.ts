import { noGrad } from "../torch/autograd.js";
import { tidy } from "../torch/lifetime.js";
import { _foreachMul_, _foreachNorm, linalgVectorNorm, stack, zeros } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * Scales the gradients so that their common 2-norm is at most `maxNorm`, as PyTorch's `clip_grad_norm_`: by
 * maxNorm / (norm + 1e-6) where that is below 1.
 * @param maxNorm Infinity only measures
 * @returns the norm before clipping, float32 without dimensions, still on the device (`.item()` waits for it)
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  if (!(maxNorm > 0)) throw new RangeError(`clipGradNorm: maxNorm should be above 0, got ${maxNorm}`);
  return tidy(() =>
    noGrad(() => {
      const gradients: Tensor[] = [];
      for (const parameter of parameters) {
        const gradient = parameter.grad;
        if (gradient) gradients.push(gradient);
      }
      if (gradients.length === 0) return zeros([]);
      const norms = [...byKind(gradients).values()].flatMap((group) => _foreachNorm(group, 2));
      const { device } = norms[0];
      const total = linalgVectorNorm(stack(norms.map((norm) => norm.to({ dtype: "float32", device }))), 2);
      if (maxNorm !== Infinity) {
        const factor = total.add(1e-6).reciprocal().mul(maxNorm).clampMax(1);
        for (const group of byKind(gradients).values()) {
          _foreachMul_(group, factor.to({ dtype: group[0].dtype, device: group[0].device }));
        }
      }
      return total;
    }),
  );
}

/** Tensors that one operator over a list takes: of one device and dtype. */
function byKind(tensors: Tensor[]): Map<string, Tensor[]> {
  const groups = new Map<string, Tensor[]>();
  for (const tensor of tensors) {
    const kind = `${tensor.device} ${tensor.dtype}`;
    const group = groups.get(kind);
    if (group) group.push(tensor);
    else groups.set(kind, [tensor]);
  }
  return groups;
}
