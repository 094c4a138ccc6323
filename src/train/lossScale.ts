import { checkCount, checkOptionNames, checkReal } from "../nn/options.js";

/** Dynamic loss scaling with DeepSpeed's names and defaults. */
export interface LossScaleOptions {
  /** The scale begins at 2 to this. Default 16. */
  initialScalePower?: number;
  /** Updates without an overflow after which the scale doubles. Default 1000. */
  lossScaleWindow?: number;
  /** Overflows until the scale is halved. Default 2. */
  hysteresis?: number;
  /** Counts `hysteresis` anew after every update without an overflow, instead of when the scale doubles. Default false. */
  consecutiveHysteresis?: boolean;
  /** Smallest scale. Default 1. */
  minLossScale?: number;
}

/** What a resumed run goes on with. */
export interface LossScaleState {
  scale: number;
  iteration: number;
  lastOverflow: number;
  hysteresis: number;
}

/** Factor of the loss that keeps small gradients from vanishing in float16. */
export interface LossScale {
  readonly scale: number;
  /** Told after every step. @throws Error when the scale cannot be lowered any more */
  update(overflow: boolean): void;
  state(): LossScaleState;
  load(state: LossScaleState): void;
}

const factor = 2;

/**
 * A step whose gradients overflow is left out and the scale is lowered; after a while without it rises again
 * (DeepSpeed's DynamicLossScaler; Micikevicius et al., "Mixed precision training", section 3.2).
 */
export class DynamicLossScale implements LossScale {
  readonly #window: number;
  readonly #patience: number;
  readonly #consecutive: boolean;
  readonly #least: number;
  #state: LossScaleState;

  constructor(owner: string, options: LossScaleOptions = {}) {
    checkOptionNames(owner, options, [
      "initialScalePower",
      "lossScaleWindow",
      "hysteresis",
      "consecutiveHysteresis",
      "minLossScale",
    ]);
    const power = checkCount(owner, "initialScalePower", options.initialScalePower ?? 16, 0);
    this.#window = checkCount(owner, "lossScaleWindow", options.lossScaleWindow ?? 1000);
    this.#patience = checkCount(owner, "hysteresis", options.hysteresis ?? 2);
    this.#consecutive = options.consecutiveHysteresis ?? false;
    this.#least = checkReal(owner, "minLossScale", options.minLossScale ?? 1, { above: 0 });
    this.#state = { scale: 2 ** power, iteration: 0, lastOverflow: -1, hysteresis: this.#patience };
  }

  get scale(): number {
    return this.#state.scale;
  }

  update(overflow: boolean): void {
    const state = this.#state;
    if (overflow) {
      if (state.hysteresis > 1) state.hysteresis--;
      else if (state.scale <= this.#least) {
        throw new Error(
          `the loss scale is at its minimum of ${this.#least} and gradients overflow still. Take precision "bf16", which has ` +
            "float32's range, a lower learning rate, or a smaller minLossScale",
        );
      } else state.scale = Math.max(state.scale / factor, this.#least);
      state.lastOverflow = state.iteration;
    } else {
      if (this.#consecutive) state.hysteresis = this.#patience;
      if ((state.iteration - state.lastOverflow) % this.#window === 0) {
        if (!this.#consecutive) state.hysteresis = this.#patience;
        state.scale *= factor;
      }
    }
    state.iteration++;
  }

  state(): LossScaleState {
    return { ...this.#state };
  }

  load(state: LossScaleState): void {
    this.#state = { ...state };
  }
}

/** A scale that stays; a step whose gradients overflow is left out. */
export class StaticLossScale implements LossScale {
  constructor(
    owner: string,
    readonly scale: number,
  ) {
    checkReal(owner, "lossScale", scale, { above: 0 });
  }

  update(): void {}

  state(): LossScaleState {
    return { scale: this.scale, iteration: 0, lastOverflow: -1, hysteresis: 1 };
  }

  load(): void {}
}
