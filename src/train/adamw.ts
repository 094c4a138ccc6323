import { loadState } from "../nn/stateDict.js";
import { noGrad } from "../torch/autograd.js";
import { keep, tidy } from "../torch/lifetime.js";
import { _foreachAdd_, _fusedAdamw_, zeros, zerosLike } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import type { Optimizer, OptimizerFor, Parameters } from "./optimizer.js";

export interface AdamWOptions {
  /** Learning rate at a schedule factor of 1. Default 1e-3. */
  lr?: number;
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Share of a weight that a step at lr 1 would take away. Default 0.01. */
  weightDecay?: number;
  /** Which parameters decay. Default: those with two or more dimensions, so no biases and no norm scales. */
  decays?: (name: string, parameter: Tensor) => boolean;
}

interface Slot {
  name: string;
  parameter: Tensor;
  expAvg: Tensor;
  expAvgSq: Tensor;
  /** Updates so far, float32 without dimensions. */
  step: Tensor;
}

/** Parameters that one fused call can update. */
interface Group {
  weightDecay: number;
  slots: Slot[];
}

/**
 * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", algorithm 2), by PyTorch's fused kernel: the
 * numbers are those of `torch.optim.AdamW(fused=True)`. A parameter without a gradient is left as it is, and its count
 * of updates, too.
 */
export class AdamW implements Optimizer {
  readonly lr: number;
  readonly #betas: readonly [number, number];
  readonly #eps: number;
  readonly #groups: Group[];

  constructor(model: Parameters, options: AdamWOptions = {}) {
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options;
    const { decays = (_name, parameter) => parameter.ndim >= 2 } = options;
    inRange("lr", lr, lr >= 0, "0 or more");
    inRange("betas[0]", betas[0], betas[0] >= 0 && betas[0] < 1, "in [0, 1)");
    inRange("betas[1]", betas[1], betas[1] >= 0 && betas[1] < 1, "in [0, 1)");
    inRange("eps", eps, eps >= 0, "0 or more");
    inRange("weightDecay", weightDecay, weightDecay >= 0, "0 or more");
    this.lr = lr;
    this.#betas = betas;
    this.#eps = eps;

    const groups = new Map<string, Group>();
    const seen = new Set<Tensor>();
    for (const [name, parameter] of model.namedParameters()) {
      if (seen.has(parameter)) continue; // tied
      seen.add(parameter);
      const decay = decays(name, parameter) ? weightDecay : 0;
      const key = `${parameter.device} ${parameter.dtype} ${decay}`;
      let group = groups.get(key);
      if (!group) {
        group = { weightDecay: decay, slots: [] };
        groups.set(key, group);
      }
      group.slots.push(
        noGrad(() => ({
          name,
          parameter,
          expAvg: keep(zerosLike(parameter)),
          expAvgSq: keep(zerosLike(parameter)),
          step: keep(zeros([], { dtype: "float32", device: parameter.device })),
        })),
      );
    }
    if (seen.size === 0) throw new Error("adamw: the model has no parameters");
    this.#groups = [...groups.values()];
  }

  step(lr: number = this.lr): void {
    const [beta1, beta2] = this.#betas;
    tidy(() =>
      noGrad(() => {
        for (const { weightDecay, slots } of this.#groups) {
          const gradients = slots.map(({ parameter }) => parameter.grad);
          const used = gradients.includes(null) ? slots.filter((_, at) => gradients[at] !== null) : slots;
          if (used.length === 0) continue;
          const steps = used.map((slot) => slot.step);
          _foreachAdd_(steps, 1);
          _fusedAdamw_(
            used.map((slot) => slot.parameter),
            gradients.filter((gradient) => gradient !== null),
            used.map((slot) => slot.expAvg),
            used.map((slot) => slot.expAvgSq),
            [],
            steps,
            { lr, beta1, beta2, weightDecay, eps: this.#eps, amsgrad: false, maximize: false },
          );
        }
      }),
    );
  }

  zeroGrad(): void {
    for (const { slots } of this.#groups) for (const { parameter } of slots) parameter.grad = null;
  }

  stateDict(): Record<string, Tensor> {
    const state: Record<string, Tensor> = {};
    for (const { slots } of this.#groups) {
      for (const { name, expAvg, expAvgSq, step } of slots) {
        state[`${name}.expAvg`] = expAvg;
        state[`${name}.expAvgSq`] = expAvgSq;
        state[`${name}.step`] = step;
      }
    }
    return state;
  }

  loadStateDict(state: Record<string, Tensor>): void {
    loadState("this AdamW", Object.entries(this.stateDict()), state, {});
  }
}

/**
 * AdamW for the parameters of the model it is given to.
 * @example train.fit(model, dataset, { steps: 500, optimizer: train.adamw({ lr: 3e-4, weightDecay: 0.1 }) })
 */
export function adamw(options: AdamWOptions = {}): OptimizerFor {
  return (model) => new AdamW(model, options);
}

function inRange(name: string, value: number, good: boolean, expected: string): void {
  if (!good) throw new RangeError(`adamw: ${name} should be ${expected}, got ${value}`);
}
