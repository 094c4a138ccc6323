import { noGrad } from "../torch/autograd.js";
import { tidy } from "../torch/lifetime.js";
import { _foreachMul_, cat, zeros } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { byKind, gradientsOf, squaredNorms } from "./gradients.js";

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
      const groups = [...byKind(gradientsOf(parameters).tensors).values()];
      if (groups.length === 0) return zeros([]);
      const { device } = groups[0][0];
      const total = cat(groups.map((group) => squaredNorms(group).to({ device })))
        .sum()
        .sqrt();
      if (maxNorm !== Infinity) {
        const factor = total.add(1e-6).reciprocal().mul(maxNorm).clampMax(1);
        for (const group of groups) {
          _foreachMul_(group, factor.to({ dtype: group[0].dtype, device: group[0].device }));
        }
      }
      return total.to("float32");
    }),
  );
}
