import { checkOptionNames, checkReal } from "../../nn/options.js";
import { ops } from "../../torch/ops.js";
import { ListOptimizer, type SlotList } from "./listOptimizer.js";
import type { OptimizerContext, OptimizerFor, Parameters } from "./optimizer.js";
import type { GroupOptions } from "./parameterGroups.js";

export interface SGDOptions extends Pick<GroupOptions, "decays" | "groups"> {
  /** Learning rate at a schedule factor of 1. Default 1e-3. */
  lr?: number;
  /** μ: b = μ·b + (1 − dampening)·gradient is what the weight follows; the first b is the gradient. Default 0: none. */
  momentum?: number;
  /** Default 0. */
  dampening?: number;
  /** Follows gradient + μ·b. Needs a momentum, and no dampening. Default false. */
  nesterov?: boolean;
  /** Factor of the penalty on the gradient. Default 0. */
  weightDecay?: number;
  /** As of {@link AdamOptions.masterWeights}. */
  masterWeights?: boolean;
}

const names = [
  ...["lr", "momentum", "dampening", "nesterov", "weightDecay", "masterWeights"],
  ...["decays", "groups"],
];

/** Stochastic gradient descent, as `torch.optim.SGD`; weight decay only where {@link GroupOptions.decays} says so. */
export class SGD extends ListOptimizer {
  readonly #momentum: number;
  readonly #dampening: number;
  readonly #nesterov: boolean;

  constructor(model: Parameters, options: SGDOptions = {}, context?: OptimizerContext) {
    const owner = "sgd";
    checkOptionNames(owner, options, names);
    const { nesterov = false, masterWeights = true, decays, groups } = options;
    const lr = checkReal(owner, "lr", options.lr ?? 1e-3, { min: 0 });
    const momentum = checkReal(owner, "momentum", options.momentum ?? 0, { min: 0 });
    const dampening = checkReal(owner, "dampening", options.dampening ?? 0);
    const weightDecay = checkReal(owner, "weightDecay", options.weightDecay ?? 0, { min: 0 });
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new RangeError(
        `sgd: nesterov needs a momentum above 0 and a dampening of 0, got ${momentum} and ${dampening}`,
      );
    }
    const averages = momentum > 0 ? ["momentum"] : [];
    const list = {
      lr,
      weightDecay,
      decays,
      groups,
      averages,
      averageType: "float32",
      masterWeights,
    } as const;
    super(owner, model, list, context);
    this.#momentum = momentum;
    this.#dampening = dampening;
    this.#nesterov = nesterov;
  }

  protected override update(list: SlotList, gradientScale: number, momentum = this.#momentum): void {
    const { parameters, gradients, masters, steps, lr, weightDecay, seeds } = list;
    const momenta = this.#momentum > 0 ? list.averages("momentum") : [];
    ops.moelab.sgd_step_(parameters, gradients, masters, momenta, steps, {
      ...{
        lr,
        weightDecay,
        seeds,
        momentum,
        dampening: this.#dampening,
        nesterov: this.#nesterov,
        gradientScale,
      },
    });
  }
}

/**
 * SGD for the parameters of the model it is given to.
 * @example train.fit(model, dataset, { steps: 500, optimizer: train.sgd({ lr: 0.1, momentum: 0.9, nesterov: true }) })
 */
export function sgd(options: SGDOptions = {}): OptimizerFor {
  return (model, context) => new SGD(model, options, context);
}
