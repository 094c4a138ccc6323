import { checkChoice, checkOptionNames, checkReal } from "../nn/options.js";
import { zeros } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * Load-balancing losses. All are E · Σ_e P_e · f_e with P_e the mean probability of expert e; they differ in f_e, the
 * share of assignments before any are dropped, so that a coefficient is not portable between systems:
 *
 * | name            | f_e                                   | balanced | all on one expert | used by |
 * |-----------------|---------------------------------------|----------|-------------------|---------|
 * | `"gshard"`      | first choices of e / T                | 1        | E                 | GShard, Switch, DeepSpeed top-1 and top-2, Tutel |
 * | `"megatron"`    | all k choices of e / (k·T)            | 1        | E / k             | Megatron-LM `aux_loss`, MegaBlocks, DeepSpeed top-k |
 * | `"huggingFace"` | all k choices of e / T                | k        | E                 | transformers `load_balancing_loss_func` (there over the tokens of all layers at once), flaxformer |
 *
 * The gradient goes through P only.
 */
export type AuxLossNormalisation = "gshard" | "megatron" | "huggingFace";
export const auxLossNormalisations: readonly AuxLossNormalisation[] = ["gshard", "megatron", "huggingFace"];

export interface AuxLossOptions {
  /** Default "megatron". */
  normalisation?: AuxLossNormalisation;
  /** Factor of the loss in what is minimised. */
  coefficient: number;
}

/** A number is the coefficient of the default normalisation. */
export function checkAuxLoss(owner: string, value: number | AuxLossOptions): Required<AuxLossOptions> {
  const options = typeof value === "number" ? { coefficient: value } : value;
  checkOptionNames(`${owner} auxLoss`, options, ["normalisation", "coefficient"]);
  const { normalisation = "megatron", coefficient } = options;
  return {
    normalisation: checkChoice(owner, "auxLoss.normalisation", normalisation, auxLossNormalisations),
    coefficient: checkReal(owner, "auxLoss.coefficient", coefficient, { min: 0 }),
  };
}

/**
 * The load-balancing loss of one layer, without coefficient.
 * @param probabilities [T, E]
 * @param experts chosen experts before dropping, best first, int64 [T, k]
 * @param load assignments of each expert before dropping, int64 [E]; counted from `experts` when not given
 * @returns a tensor without dimensions
 */
export function loadBalancingLoss(
  probabilities: Tensor,
  experts: Tensor,
  normalisation: AuxLossNormalisation,
  load?: Tensor,
): Tensor {
  const [tokens, count] = probabilities.shape;
  const k = experts.shape[1];
  if (tokens === 0) return zeros([], { dtype: probabilities.dtype, device: probabilities.device });
  const choices =
    normalisation === "gshard"
      ? experts.select(1, 0).bincount(null, count)
      : (load ?? experts.reshape([-1]).bincount(null, count));
  const per = normalisation === "megatron" ? tokens * k : tokens;
  const share = choices.to(probabilities.dtype).div(per);
  return probabilities.mean(0).mul(share).sum().mul(count);
}
