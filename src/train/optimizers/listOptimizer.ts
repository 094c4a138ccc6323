import { loadState } from "../../nn/stateDict.js";
import { noGrad } from "../../torch/autograd.js";
import type { DType } from "../../torch/dtype.js";
import { keep, tidy } from "../../torch/lifetime.js";
import { zeros } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import type { Optimizer, OptimizerContext, Parameters, StepOptions } from "./optimizer.js";
import { type GroupedParameter, type GroupOptions, groupParameters } from "./parameterGroups.js";

/** What an optimizer holds of one parameter. */
export interface Slot extends GroupedParameter {
  /** The weight in float32 of a parameter in half precision; null: the parameter is the weight. */
  master: Tensor | null;
  /** State by name, of the parameter's shape. */
  averages: Record<string, Tensor>;
  /** Updates so far, float32 without dimensions. */
  step: Tensor;
  /** Place among the parameters: tells the random bits of one from those of another. */
  seed: number;
}

export interface ListOptions extends GroupOptions {
  /** Names of the averages. */
  averages: readonly string[];
  averageType: DType;
  masterWeights: boolean;
}

/** Slots that one call of an operator over lists updates. @internal */
export interface SlotList {
  slots: Slot[];
  parameters: Tensor[];
  gradients: Tensor[];
  masters: Tensor[];
  steps: Tensor[];
  seeds: number[];
  lr: number[];
  weightDecay: number[];
  averages(name: string): Tensor[];
}

/**
 * An optimizer whose step is an operator over all parameters at once. A parameter without a gradient is left as it is,
 * and its count of updates, too.
 */
export abstract class ListOptimizer implements Optimizer {
  readonly takesStepOptions = true;
  readonly lr: number;
  /** One list for parameters with a master weight and one for those without, on each device. */
  readonly #lists: Slot[][];
  readonly #name: string;

  constructor(name: string, model: Parameters, options: ListOptions, context: OptimizerContext = {}) {
    this.#name = name;
    this.lr = options.lr;
    const lists = new Map<string, Slot[]>();
    for (const [seed, grouped] of groupParameters(name, model, options).entries()) {
      const { parameter } = grouped;
      const { device, shape } = parameter;
      const slot = tidy(() =>
        noGrad(() => ({
          ...grouped,
          seed,
          master: masterOf(parameter, options.masterWeights, context),
          averages: Object.fromEntries(
            options.averages.map((average) => {
              const dtype = parameter.dtype === "float64" ? "float64" : options.averageType;
              return [average, keep(zeros([...shape], { dtype, device }))];
            }),
          ),
          step: keep(zeros([], { dtype: "float32", device })),
        })),
      );
      const key = `${device} ${slot.master !== null}`;
      const list = lists.get(key);
      if (list) list.push(slot);
      else lists.set(key, [slot]);
    }
    this.#lists = [...lists.values()];
  }

  step(lr: number = this.lr, options: StepOptions = {}): void {
    const { gradients, gradientScale = 1, momentum } = options;
    tidy(() =>
      noGrad(() => {
        for (const list of this.#lists) {
          const found = list.map(({ parameter }) => gradients?.get(parameter) ?? parameter.grad);
          const slots = found.includes(null) ? list.filter((_, at) => found[at] !== null) : list;
          if (slots.length === 0) continue;
          const used = found.filter((gradient) => gradient !== null);
          this.update(listOf(slots, used, lr), gradientScale, momentum);
        }
      }),
    );
  }

  zeroGrad(): void {
    for (const { parameter } of this.#lists.flat()) parameter.grad = null;
  }

  /** By parameter name: the averages, `master` where there is one, and `step`. */
  stateDict(): Record<string, Tensor> {
    const state: Record<string, Tensor> = {};
    for (const { name, averages, master, step } of this.#lists.flat()) {
      for (const [average, tensor] of Object.entries(averages)) state[`${name}.${average}`] = tensor;
      if (master) state[`${name}.master`] = master;
      state[`${name}.step`] = step;
    }
    return state;
  }

  loadStateDict(state: Record<string, Tensor>): void {
    loadState(`this ${this.#name}`, Object.entries(this.stateDict()), state, {});
  }

  /** Makes the step for a list of slots with gradients. */
  protected abstract update(list: SlotList, gradientScale: number, momentum: number | undefined): void;
}

function masterOf(parameter: Tensor, wanted: boolean, { masterWeights }: OptimizerContext): Tensor | null {
  const half = parameter.dtype === "bfloat16" || parameter.dtype === "float16";
  if (!half || !wanted || masterWeights === null) return null;
  return keep(masterWeights?.get(parameter) ?? parameter.detach().to("float32"));
}

function listOf(slots: Slot[], gradients: Tensor[], lr: number): SlotList {
  return {
    slots,
    gradients,
    parameters: slots.map(({ parameter }) => parameter),
    masters: slots[0].master ? slots.map(({ master }) => master!) : [],
    steps: slots.map(({ step }) => step),
    seeds: slots.map(({ seed }) => seed),
    lr: slots.map(({ lrFactor }) => lr * lrFactor),
    weightDecay: slots.map(({ weightDecay }) => weightDecay),
    averages: (name) => slots.map(({ averages }) => averages[name]),
  };
}
