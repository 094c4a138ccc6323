import { checkCount, checkOptionNames, checkReal } from "../nn/options.js";
import { tidy } from "../torch/lifetime.js";
import { randint, searchsorted } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";

export interface SamplingOptions {
  /** Divides the logits; 0 always takes the most likely token. Default 1. */
  temperature?: number;
  /** Samples from the k most likely tokens only. Default: all. */
  topK?: number;
  /**
   * Makes the tokens repeatable, without touching the random numbers of training. Default: drawn from the generator
   * that `torch.manualSeed` seeds.
   */
  seed?: number;
}

export const samplingOptionNames = ["temperature", "topK", "seed"] as const;

/** Chooses tokens from logits. */
export class Sampler {
  private readonly temperature: number;
  private readonly topK: number | undefined;
  private readonly uniform: () => number;

  constructor(owner: string, options: SamplingOptions) {
    checkOptionNames(owner, options, samplingOptionNames);
    this.temperature = checkReal(owner, "temperature", options.temperature ?? 1, { min: 0 });
    this.topK = options.topK === undefined ? undefined : checkCount(owner, "topK", options.topK);
    const drawn = () => tidy(() => randint(2 ** 31, [1]).item());
    this.uniform = uniformNumbers(
      checkCount(owner, "seed", options.seed ?? (this.temperature > 0 ? drawn() : 0), 0),
    );
  }

  /** @param logits of one token, [vocab] */
  next(logits: Tensor): number {
    return tidy(() => {
      if (this.temperature === 0) return logits.argmax().item();
      const k = Math.min(this.topK ?? logits.numel, logits.numel);
      const [values, tokens] = logits.float().div(this.temperature).topk(k);
      const cumulative = values.softmax(-1).double().cumsum(0);
      const drawn = this.uniform() * cumulative.select(0, k - 1).item();
      const at = searchsorted(cumulative, drawn, { right: true }).item();
      return tokens.select(0, Math.min(at, k - 1)).item();
    });
  }
}

/** Numbers in [0, 1) from a 32-bit state: a Weyl sequence whose terms are mixed by murmur3's finaliser. */
function uniformNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
