import { scheduler } from "node:timers/promises";
import type { Dataset } from "../data/dataset.js";
import { noGrad } from "../torch/autograd.js";
import { tidy } from "../torch/lifetime.js";
import { lossIn, type Precision } from "./precision.js";
import { pendingReport, readReports } from "./stepReport.js";
import type { Trainable } from "./trainable.js";
import { onDevice } from "./trainStep.js";

export interface Evaluation {
  /** Mean over the tokens. */
  loss: number;
  metrics: Record<string, number>;
  tokens: number;
}

export interface EvaluateOptions {
  /** At most so many, from the first. Default all. */
  batches?: number;
  /** Default "f32". */
  precision?: Precision;
}

export interface Cancellable {
  /** Asked between batches: true ends the evaluation. */
  cancelled(): boolean;
}

/**
 * Loss over the validation set, in evaluation mode and without history. Gives other work a turn between batches.
 * @returns undefined when it was cancelled
 * @throws Error when the dataset has no validation set
 */
export function evaluate(model: Trainable, dataset: Dataset, options?: EvaluateOptions): Promise<Evaluation>;
export function evaluate(
  model: Trainable,
  dataset: Dataset,
  options: EvaluateOptions & Cancellable,
): Promise<Evaluation | undefined>;
export async function evaluate(
  model: Trainable,
  dataset: Dataset,
  options: EvaluateOptions & Partial<Cancellable> = {},
): Promise<Evaluation | undefined> {
  const { batches = Infinity, precision = "f32", cancelled = () => false } = options;
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
        const { reports } = noGrad(() => readReports([pendingReport(lossIn(precision, model, batch))]));
        const [report] = reports;
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
