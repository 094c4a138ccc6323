import { tensor } from "../torch/creation.js";
import { keep } from "../torch/lifetime.js";
import type { Tensor } from "../torch/tensor.js";
import type { Batch } from "../train/trainable.js";
import type { Dataset } from "./dataset.js";
import { uniformIntegers } from "./stepRandom.js";

/** Examples: row n of `inputs` belongs to row n of `targets`. */
export interface Examples {
  inputs: Tensor;
  targets: Tensor;
}

export interface TensorDatasetOptions {
  /** Examples of a batch. */
  batchSize: number;
  /** Mixed with the run's seed. Default 0. */
  seed?: number;
}

/**
 * Batches of rows of tensors. Training goes through all examples in an order that is drawn anew for each epoch, which
 * depends on nothing but seeds and epoch; a rest that is smaller than a batch waits for another epoch. Validation goes
 * through its examples in their order.
 */
export class TensorDataset implements Dataset {
  readonly batchSize: number;
  readonly seed: number;
  readonly train: Examples;
  readonly heldOut: Examples | null;
  #shuffled: { epoch: number; seed: number; order: Int32Array } | undefined;

  /** @throws RangeError when inputs and targets do not have as many rows, or there are fewer than a batch */
  constructor(train: Examples, validation: Examples | null, { batchSize, seed = 0 }: TensorDatasetOptions) {
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new RangeError(`batchSize should be a whole number of 1 or more, got ${batchSize}`);
    }
    this.batchSize = batchSize;
    this.seed = seed;
    this.train = adopt("training", train);
    this.heldOut = validation && adopt("validation", validation);
    if (rowsOf(this.train) < batchSize) {
      throw new RangeError(
        `there are ${rowsOf(this.train)} examples for training, fewer than a batch of ${batchSize}: take a smaller batchSize`,
      );
    }
    if (!this.heldOut) this.validation = undefined;
  }

  /** Batches that an epoch has. */
  get batchesPerEpoch(): number {
    return Math.floor(rowsOf(this.train) / this.batchSize);
  }

  batch(step: number, seed = 0): Batch {
    const epoch = Math.floor(step / this.batchesPerEpoch);
    const begin = (step % this.batchesPerEpoch) * this.batchSize;
    const rows = this.#order(epoch, seed).subarray(begin, begin + this.batchSize);
    const picked = tensor(Array.from(rows), { dtype: "int64" });
    const { inputs, targets } = this.train;
    return { inputs: inputs.indexSelect(0, picked), targets: targets.indexSelect(0, picked) };
  }

  validation?: () => Iterable<Batch> = () => this.#windows();

  *#windows(): Generator<Batch, void, void> {
    const { inputs, targets } = this.heldOut!;
    for (let begin = 0; begin < rowsOf(this.heldOut!); begin += this.batchSize) {
      const count = Math.min(this.batchSize, rowsOf(this.heldOut!) - begin);
      yield { inputs: inputs.narrow(0, begin, count), targets: targets.narrow(0, begin, count) };
    }
  }

  #order(epoch: number, seed: number): Int32Array {
    if (this.#shuffled?.epoch !== epoch || this.#shuffled.seed !== seed) {
      this.#shuffled = { epoch, seed, order: shuffled(rowsOf(this.train), this.seed, seed, epoch) };
    }
    return this.#shuffled.order;
  }
}

/** Every number below `count` once, in an order drawn from the stream that `seeds` name (Fisher–Yates). */
function shuffled(count: number, ...seeds: number[]): Int32Array {
  const order = Int32Array.from({ length: count }, (_, at) => at);
  for (let last = count - 1; last > 0; last--) {
    const [other] = uniformIntegers(1, last + 1, ...seeds, last);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

const rowsOf = ({ inputs }: Examples) => inputs.shape[0];

function adopt(part: string, { inputs, targets }: Examples): Examples {
  if (inputs.ndim === 0 || targets.ndim === 0 || inputs.shape[0] !== targets.shape[0]) {
    throw new RangeError(
      `the ${part} examples need a row of targets for each row of inputs, got inputs [${inputs.shape.join(", ")}] and ` +
        `targets [${targets.shape.join(", ")}]`,
    );
  }
  return { inputs: keep(inputs), targets: keep(targets) };
}

/**
 * A dataset of tensors that are already there, as PyTorch's TensorDataset.
 * @param examples for training, or for training and validation
 * @example
 * const dataset = data.tensors({ train: { inputs, targets }, validation }, { batchSize: 16 });
 */
export function tensors(
  examples: Examples | { train: Examples; validation?: Examples },
  options: TensorDatasetOptions,
): TensorDataset {
  if ("train" in examples) return new TensorDataset(examples.train, examples.validation ?? null, options);
  return new TensorDataset(examples, null, options);
}
