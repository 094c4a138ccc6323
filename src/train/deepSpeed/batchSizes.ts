import { checkCount } from "../../nn/options.js";

export interface BatchSizes {
  /** Sequences of an update, on all ranks. */
  train: number;
  /** Sequences of a pass on one rank. */
  micro: number;
  /** Passes of an update. */
  accumulation: number;
}

/**
 * train = micro · accumulation · ranks, as DeepSpeed has it: of the three at least `train` or `micro` is given, what is
 * missing follows.
 * @throws Error when they do not agree
 */
export function batchSizes(owner: string, given: Partial<BatchSizes>, ranks: number): BatchSizes {
  const names = {
    train: "train_batch_size",
    micro: "train_micro_batch_size_per_gpu",
    accumulation: "gradient_accumulation_steps",
  };
  for (const [key, name] of Object.entries(names)) {
    const value = given[key as keyof BatchSizes];
    if (value !== undefined) checkCount(owner, name, value);
  }
  const { train, micro, accumulation } = given;
  if (train === undefined && micro === undefined) {
    throw new Error(`${owner}: ${names.train} or ${names.micro} is needed, got neither`);
  }
  const steps = accumulation ?? (train !== undefined && micro !== undefined ? train / micro / ranks : 1);
  const pass = micro ?? train! / steps / ranks;
  const all = train ?? pass * steps * ranks;
  if (!Number.isInteger(steps) || !Number.isInteger(pass) || all !== pass * steps * ranks) {
    const shown = (value: number | undefined) => value ?? "not given";
    throw new Error(
      `${owner}: ${names.train} must be ${names.micro} · ${names.accumulation} · ranks, got ${shown(train)}, ` +
        `${shown(micro)}, ${shown(accumulation)} and ${ranks}; leave one out and it follows from the others`,
    );
  }
  return { train: all, micro: pass, accumulation: steps };
}
