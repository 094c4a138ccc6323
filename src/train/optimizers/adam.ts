import { checkChoice, checkOptionNames, checkReal } from "../../nn/options.js";
import { ops } from "../../torch/ops.js";
import { ListOptimizer, type SlotList } from "./listOptimizer.js";
import type { OptimizerContext, OptimizerFor, Parameters } from "./optimizer.js";
import type { GroupOptions } from "./parameterGroups.js";

export interface AdamOptions extends Pick<GroupOptions, "decays" | "groups"> {
  /** Learning rate at a schedule factor of 1. Default 1e-3. */
  lr?: number;
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** AdamW: share of a weight that a step at lr 1 would take away, default 0.01. Adam: factor of the penalty, default 0. */
  weightDecay?: number;
  /** Divides the averages by 1 − βᵗ, since they start at 0. Default true. */
  biasCorrection?: boolean;
  /**
   * What the averages are stored in. Default "f32". "bf16" halves their memory; they are rounded up or down at random, so
   * that they are right in the mean: rounded to the nearest, an average of squares could never shrink, since with β₂ =
   * 0.999 a step changes it by a thousandth, a quarter of bfloat16's last place. The random bits follow from step and
   * place: same seed, same numbers.
   */
  moments?: "f32" | "bf16";
  /**
   * Keeps a weight in float32 for each parameter of half precision, which a step updates and rounds to the parameter.
   * Default true. Without, bfloat16 parameters are rounded at random as `moments` are, float16 ones to the nearest.
   */
  masterWeights?: boolean;
}

export type AdamWOptions = AdamOptions;

const names = [
  ...["lr", "betas", "eps", "weightDecay", "biasCorrection", "moments", "masterWeights"],
  ...["decays", "groups"],
];

interface Rule {
  owner: string;
  /** Weight decay apart from the gradient. */
  decoupled: boolean;
  weightDecay: number;
}

/** Common to Adam and AdamW: one pass over memory for all parameters. */
class AdamFamily extends ListOptimizer {
  readonly #betas: readonly [number, number];
  readonly #eps: number;
  readonly #biasCorrection: boolean;
  readonly #decoupled: boolean;

  constructor(rule: Rule, model: Parameters, options: AdamOptions, context?: OptimizerContext) {
    const { owner } = rule;
    checkOptionNames(owner, options, names);
    const { betas = [0.9, 0.999], biasCorrection = true, masterWeights = true } = options;
    const lr = checkReal(owner, "lr", options.lr ?? 1e-3, { min: 0 });
    const weightDecay = checkReal(owner, "weightDecay", options.weightDecay ?? rule.weightDecay, { min: 0 });
    const moments = checkChoice(owner, "moments", options.moments ?? "f32", ["f32", "bf16"]);
    checkReal(owner, "betas[0]", betas[0], { min: 0, below: 1 });
    checkReal(owner, "betas[1]", betas[1], { min: 0, below: 1 });
    const { decays, groups } = options;
    const averageType = moments === "bf16" ? "bfloat16" : "float32";
    const averages = ["expAvg", "expAvgSq"];
    super(owner, model, { lr, weightDecay, decays, groups, averages, averageType, masterWeights }, context);
    this.#betas = betas;
    this.#eps = checkReal(owner, "eps", options.eps ?? 1e-8, { min: 0 });
    this.#biasCorrection = biasCorrection;
    this.#decoupled = rule.decoupled;
  }

  protected override update(list: SlotList, gradientScale: number, momentum = this.#betas[0]): void {
    const { parameters, gradients, masters, steps, lr, weightDecay, seeds } = list;
    ops.moelab.adam_step_(
      parameters,
      gradients,
      masters,
      list.averages("expAvg"),
      list.averages("expAvgSq"),
      steps,
      {
        ...{ lr, weightDecay, seeds, beta1: momentum, beta2: this.#betas[1], eps: this.#eps },
        ...{ decoupled: this.#decoupled, biasCorrection: this.#biasCorrection, gradientScale },
      },
    );
  }
}

/**
 * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", algorithm 2), as `torch.optim.AdamW`; weight
 * decay only where {@link GroupOptions.decays} says so.
 */
export class AdamW extends AdamFamily {
  constructor(model: Parameters, options: AdamWOptions = {}, context?: OptimizerContext) {
    super({ owner: "adamw", decoupled: true, weightDecay: 0.01 }, model, options, context);
  }
}

/**
 * Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", algorithm 1), as `torch.optim.Adam`: weight decay
 * is a penalty on the gradient.
 */
export class Adam extends AdamFamily {
  constructor(model: Parameters, options: AdamOptions = {}, context?: OptimizerContext) {
    super({ owner: "adam", decoupled: false, weightDecay: 0 }, model, options, context);
  }
}

/**
 * AdamW for the parameters of the model it is given to.
 * @example train.fit(model, dataset, { steps: 500, optimizer: train.adamw({ lr: 3e-4, weightDecay: 0.1 }) })
 */
export function adamw(options: AdamWOptions = {}): OptimizerFor {
  return (model, context) => new AdamW(model, options, context);
}

/** Adam for the parameters of the model it is given to. */
export function adam(options: AdamOptions = {}): OptimizerFor {
  return (model, context) => new Adam(model, options, context);
}
