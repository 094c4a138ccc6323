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

/**
 * Mean over tokens of logsumexp(logits)², which keeps logits small (ST-MoE, arXiv 2202.08906; customary coefficient
 * 1e-3).
 * @param logits [T, E]
 * @returns a tensor without dimensions
 */
export function zLoss(logits: Tensor): Tensor {
  if (logits.shape[0] === 0) return zeros([], { dtype: logits.dtype, device: logits.device });
  return logits.logsumexp([1]).square().mean();
}

/**
 * Squared coefficient of variation of what experts get, variance ÷ mean²; 0 when all get the same (Shazeer et al.,
 * arXiv 1701.06538, whose importance is the sum of each expert's weights, and whose load is that of {@link NoisyTopKGate}).
 * @param amounts [E]
 */
export function squaredVariation(amounts: Tensor): Tensor {
  const mean = amounts.mean();
  return amounts.sub(mean).square().mean().div(mean.square().add(1e-10));
}

/**
 * Sum of the weights that each expert gets, [E], with history.
 * @param weights [T, k]
 * @param experts int64 [T, k]
 * @param count E
 */
export function importance(weights: Tensor, experts: Tensor, count: number): Tensor {
  const empty = zeros([count], { dtype: weights.dtype, device: weights.device });
  return empty.indexAdd(0, experts.reshape([-1]), weights.reshape([-1]));
}
