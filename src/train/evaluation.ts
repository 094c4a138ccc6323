import { scheduler } from "node:timers/promises";
import type { Dataset } from "../data/dataset.js";
import { noGrad } from "../torch/autograd.js";
import { tidy } from "../torch/lifetime.js";
import type { Trainable } from "./trainable.js";
import { onDevice, readReport } from "./trainStep.js";

export interface Evaluation {
  /** Mean over the tokens. */
  loss: number;
  metrics: Record<string, number>;
  tokens: number;
}

/**
 * Loss over the validation set, in evaluation mode and without history. Gives other work a turn between batches.
 * @param batches at most so many, from the first; default all
 * @param cancelled asked between batches; when it says true the result is undefined
 * @throws Error when the dataset has no validation set
 */
export async function evaluate(
  model: Trainable,
  dataset: Dataset,
  { batches = Infinity, cancelled = () => false }: { batches?: number; cancelled?: () => boolean } = {},
): Promise<Evaluation | undefined> {
  if (!dataset.validation) {
    throw new Error("evaluate: the dataset has no validation set; give it one or leave `evaluate` out");
  }
  let tokens = 0;
  let loss = 0;
  const metrics: Record<string, number> = {};
  const iterator = dataset.validation()[Symbol.iterator]();
  for (let index = 0; index < batches; index++) {
    const more = tidy(() => {
      const next = iterator.next();
      if (next.done) return false;
      const [parameter] = model.parameters();
      const batch = onDevice(next.value, parameter.device);
      const { training } = model;
      model.eval();
      try {
        const report = noGrad(() => readReport(model.loss(batch)));
        const weight = batch.targets.numel;
        tokens += weight;
        loss += weight * report.loss;
        for (const [name, value] of Object.entries(report.metrics)) {
          metrics[name] = (metrics[name] ?? 0) + weight * value;
        }
      } finally {
        model.train(training);
      }
      return true;
    });
    if (!more) break;
    if (cancelled()) return undefined;
    await scheduler.yield();
  }
  if (tokens === 0) throw new Error("evaluate: the validation set has no batch");
  const means = Object.fromEntries(Object.entries(metrics).map(([name, sum]) => [name, sum / tokens]));
  return { loss: loss / tokens, metrics: means, tokens };
}
