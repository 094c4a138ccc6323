import type { Group } from "../distributed/group.js";
import { checkChoice, checkOptionNames, checkReal } from "../nn/options.js";
import { tensor } from "../torch/creation.js";
import { arange, cat, zeros } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";

/**
 * Load-balancing losses. All are E · Σ_e P_e · f_e with P_e the mean probability of expert e; they differ in f_e, the
 * share of assignments before any are dropped, so that a coefficient is not portable between systems:
 *
 * | name            | f_e                                   | balanced | all on one expert | used by |
 * |-----------------|---------------------------------------|----------|-------------------|---------|
 * | `"gshard"`      | first choices of e / T                | 1        | E                 | GShard, Switch, DeepSpeed top-1 and top-2, Tutel |
 * | `"megatron"`    | all k choices of e / (k·T)            | 1        | E / k             | Megatron-LM `aux_loss`, MegaBlocks, DeepSpeed top-k |
 * | `"huggingFace"` | all k choices of e / T                | k        | E                 | transformers `load_balancing_loss_func` (`pooled`), flaxformer |
 * | `"deepSeekSequence"` | as "megatron" within each sequence, by the k largest probabilities; mean over sequences | 1 | E / k | DeepSeek-V3 (arXiv 2412.19437, eq. 17–20; coefficient 1e-4), Megatron-LM `seq_aux_loss` |
 *
 * The gradient goes through P only.
 */
export type AuxLossNormalisation = "gshard" | "megatron" | "huggingFace" | "deepSeekSequence";
export const auxLossNormalisations: readonly AuxLossNormalisation[] = [
  "gshard",
  "megatron",
  "huggingFace",
  "deepSeekSequence",
];

export interface AuxLossOptions {
  /** Default "megatron". */
  normalisation?: AuxLossNormalisation;
  /** Factor of the loss in what is minimised. */
  coefficient: number;
  /**
   * One loss over the tokens of all MoE layers of a model together, in place of the sum of one for each layer: layers may
   * then be skewed as long as experts of the same number make up for it in other layers (transformers' Mixtral, OLMoE
   * and Qwen-MoE do it that way). Part of {@link routingLosses}, not of a layer's own losses. Default false.
   */
  pooled?: boolean;
}

/** A number is the coefficient of the default normalisation. */
export function checkAuxLoss(owner: string, value: number | AuxLossOptions): Required<AuxLossOptions> {
  const options = typeof value === "number" ? { coefficient: value } : value;
  checkOptionNames(`${owner} auxLoss`, options, ["normalisation", "coefficient", "pooled"]);
  const { normalisation = "megatron", coefficient, pooled = false } = options;
  if (pooled && normalisation === "deepSeekSequence") {
    throw new TypeError(
      `${owner}: auxLoss.pooled takes the tokens of all layers together, "deepSeekSequence" each sequence apart; ` +
        "choose one of the two",
    );
  }
  return {
    pooled,
    normalisation: checkChoice(owner, "auxLoss.normalisation", normalisation, auxLossNormalisations),
    coefficient: checkReal(owner, "auxLoss.coefficient", coefficient, { min: 0 }),
  };
}

/** Routing of one pass through one layer, as far as its balance goes. */
export interface BalanceTerms {
  /** [T, E], with history. */
  probabilities: Tensor;
  /** Chosen experts before dropping, best first, int64 [T, k]. */
  experts: Tensor;
  /** Assignments of each expert before dropping, int64 [E]; counted from `experts` when not given. */
  load?: Tensor;
  /** Tokens whose first choice each expert is, int64 [E]; counted from `experts` when not given. */
  firstLoad?: Tensor;
  /** `probabilities` summed over the tokens, [E], with history; summed up when not given. */
  probabilitySums?: Tensor;
}

/**
 * The load-balancing loss of one layer, without coefficient.
 * @param probabilities [T, E]
 * @param experts chosen experts before dropping, best first, int64 [T, k]
 * @param load assignments of each expert before dropping, int64 [E]; counted from `experts` when not given
 * @param sequences for "deepSeekSequence": how many sequences of equal length the tokens are. Default 1
 * @param ranks whose tokens together the loss is of, the same on each. Default: this process's alone
 * @returns a tensor without dimensions
 */
export function loadBalancingLoss(
  probabilities: Tensor,
  experts: Tensor,
  normalisation: AuxLossNormalisation,
  load?: Tensor,
  sequences = 1,
  ranks?: Group,
): Tensor {
  if (normalisation === "deepSeekSequence") {
    const own = sequenceBalanceLoss(probabilities, experts.shape[1], sequences);
    return meanOverRanks(own.mul(sequences), sequences, ranks);
  }
  return pooledLoadBalancingLoss([{ probabilities, experts, load }], normalisation, ranks);
}

/**
 * The load-balancing loss of several layers over all their tokens together: P and f are means over the tokens of all
 * layers. Without coefficient.
 * @throws RangeError when layers have different numbers of experts
 */
export function pooledLoadBalancingLoss(
  layers: readonly BalanceTerms[],
  normalisation: Exclude<AuxLossNormalisation, "deepSeekSequence">,
  ranks?: Group,
): Tensor {
  const [{ probabilities: first }] = layers;
  const count = first.shape[1];
  const other = layers.find(({ probabilities }) => probabilities.shape[1] !== count);
  if (other) {
    throw new RangeError(
      "pooledLoadBalancingLoss: adds up the experts of all layers by their number, which needs as many in each; got " +
        `${count} and ${other.probabilities.shape[1]}. Leave \`pooled\` out: each layer then has a loss of its own.`,
    );
  }
  const tokens = layers.reduce((sum, { probabilities }) => sum + probabilities.shape[0], 0);
  const choices = layers.reduce((sum, { experts }) => sum + experts.numel, 0);
  if (tokens === 0 && !ranks) return zeros([], { dtype: first.dtype, device: first.device });
  const counts = layers.map(({ experts, load, firstLoad }) =>
    normalisation === "gshard"
      ? (firstLoad ?? experts.select(1, 0).bincount(null, count))
      : (load ?? experts.reshape([-1]).bincount(null, count)),
  );
  const sum = (parts: Tensor[]) => parts.reduce((total, part) => total.add(part));
  const chosen = sum(counts);
  const mass = sum(
    layers.map(({ probabilities, probabilitySums }) => probabilitySums ?? probabilities.sum(0)),
  );
  const per = normalisation === "megatron" ? choices : tokens;
  if (!ranks) return mass.dot(chosen.to(first.dtype)).mul(count / (tokens * per));
  const all = ranks.allReduce(cat([chosen, tensor([tokens, per], { dtype: "int64" })])).to(first.dtype);
  const [allTokens, allPer] = [all.select(0, count), all.select(0, count + 1)];
  return ranks
    .allReduce(mass)
    .dot(all.narrow(0, 0, count))
    .mul(count)
    .div(allTokens.mul(allPer).clampMin(1));
}

/** Of so many on each rank, whose sum is given. */
function meanOverRanks(sum: Tensor, count: number, ranks: Group | undefined): Tensor {
  if (!ranks) return sum.div(Math.max(1, count));
  const all = ranks.allReduce(tensor([count])).squeeze();
  return ranks.allReduce(sum).div(all.clampMin(1).to(sum.dtype));
}

/** Mean over sequences of Σ_e P_e · E/(k·length) · (tokens that have e among their k largest probabilities). */
function sequenceBalanceLoss(probabilities: Tensor, k: number, sequences: number): Tensor {
  const [tokens, count] = probabilities.shape;
  const { device, dtype } = probabilities;
  if (tokens === 0) return zeros([], { dtype, device });
  if (tokens % sequences !== 0) {
    throw new RangeError(
      `loadBalancingLoss: ${sequences} sequences of equal length cannot have ${tokens} tokens together`,
    );
  }
  const length = tokens / sequences;
  const [, chosen] = probabilities.detach().topk(k, 1);
  const place = arange(sequences, { dtype: "int64", device }).mul(count).unsqueeze(1);
  const counts = chosen
    .view([sequences, -1])
    .add(place)
    .reshape([-1])
    .bincount(null, sequences * count);
  const share = counts
    .view([sequences, count])
    .to(dtype)
    .div(k * length);
  return probabilities
    .view([sequences, length, count])
    .mean(1)
    .mul(share)
    .sum()
    .mul(count / sequences);
}

/**
 * Mean over tokens of logsumexp(logits)², which keeps logits small (ST-MoE, arXiv 2202.08906; customary coefficient
 * 1e-3).
 * @param logits [T, E]
 * @param ranks whose tokens together the loss is of. Default: this process's alone
 * @returns a tensor without dimensions
 */
export function zLoss(logits: Tensor, ranks?: Group): Tensor {
  return meanOverRanks(logits.logsumexp([1]).square().sum(), logits.shape[0], ranks);
}

/**
 * Squared coefficient of variation of what experts get, variance ÷ mean²; 0 when all get the same (Shazeer et al.,
 * arXiv 1701.06538, whose importance is the sum of each expert's weights, and whose load is that of {@link NoisyTopKGate}).
 * The variance is that of all E, as in tensor2tensor; FastMoE's, divided by E − 1, gives E / (E − 1) times as much.
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
