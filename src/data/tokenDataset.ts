import { fromTypedArray, tensor } from "../torch/creation.js";
import { keep } from "../torch/lifetime.js";
import type { Tensor } from "../torch/tensor.js";
import type { Batch } from "../train/trainable.js";
import type { Dataset } from "./dataset.js";
import { uniformIntegers } from "./stepRandom.js";

export interface TokenDatasetOptions {
  /** Tokens of a sequence. */
  contextLength: number;
  /** Sequences of a batch. */
  batchSize: number;
  /** Mixed with the run's seed. Default 0. */
  seed?: number;
}

/**
 * Sequences of one long row of tokens. Training batches begin at random places, which depend on nothing but seeds and
 * step; validation goes through its tokens in windows side by side.
 */
export class TokenDataset implements Dataset {
  readonly contextLength: number;
  readonly batchSize: number;
  readonly seed: number;
  /** int32 [tokens], over the memory of the array it was made from. */
  readonly train: Tensor;
  /** int32 [tokens], or null. */
  readonly heldOut: Tensor | null;

  /** @throws RangeError when a part is shorter than one sequence and its last target */
  constructor(train: Int32Array, validation: Int32Array | null, options: TokenDatasetOptions) {
    this.contextLength = positive("contextLength", options.contextLength);
    this.batchSize = positive("batchSize", options.batchSize);
    this.seed = options.seed ?? 0;
    this.train = this.#adopt("training", train);
    this.heldOut = validation === null ? null : this.#adopt("validation", validation);
    if (!this.heldOut) this.validation = undefined;
  }

  batch(step: number, seed = 0): Batch {
    const starts = uniformIntegers(
      this.batchSize,
      this.train.numel - this.contextLength,
      this.seed,
      seed,
      step,
    );
    return this.#cut(this.train, starts);
  }

  validation?: () => Iterable<Batch> = () => this.#windows();

  *#windows(): Generator<Batch, void, void> {
    const tokens = this.heldOut!;
    const windows = Math.floor((tokens.numel - 1) / this.contextLength);
    for (let window = 0; window < windows; window += this.batchSize) {
      const count = Math.min(this.batchSize, windows - window);
      yield this.#cut(
        tokens,
        Array.from({ length: count }, (_, at) => (window + at) * this.contextLength),
      );
    }
  }

  /** Sequences from each start, int64 [starts, contextLength], targets one further. */
  #cut(tokens: Tensor, starts: number[]): Batch {
    const length = this.contextLength;
    // A view of all windows; only those picked are copied.
    const windows = tokens.unfold(0, length + 1, 1);
    const picked = windows.indexSelect(0, tensor(starts, { dtype: "int64" })).long();
    return { inputs: picked.slice(1, 0, length), targets: picked.slice(1, 1, length + 1) };
  }

  #adopt(part: string, tokens: Int32Array): Tensor {
    if (tokens.length < this.contextLength + 1) {
      throw new RangeError(
        `the ${part} text has ${tokens.length} tokens, a sequence needs ${this.contextLength + 1} (contextLength and ` +
          "the target of its last token): take a longer text or a smaller contextLength",
      );
    }
    return keep(fromTypedArray(tokens));
  }
}

/**
 * A dataset of token ids that are already there.
 * @param ids for training, or for training and validation. The arrays are shared, not copied.
 */
export function tokens(
  ids: Int32Array | { train: Int32Array; validation?: Int32Array },
  options: TokenDatasetOptions,
): TokenDataset {
  if (ids instanceof Int32Array) return new TokenDataset(ids, null, options);
  return new TokenDataset(ids.train, ids.validation ?? null, options);
}

function positive(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${name} should be a whole number of 1 or more, got ${value}`);
  }
  return value;
}
