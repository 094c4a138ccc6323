import { mixSeed } from "../data/stepRandom.js";
import { routing } from "../moe/routed.js";
import type { LayerRouting } from "../moe/routing.js";
import { type LayerMeasures, measureRouting } from "../moe/statistics/measures.js";
import { noGrad } from "../torch/autograd.js";
import { manualSeed } from "../torch/creation.js";
import { tidy } from "../torch/lifetime.js";
import type { Device } from "../torch/operator.js";
import type { Tensor } from "../torch/tensor.js";
import {
  clipFactor,
  GradientSums,
  type Gradients,
  gradientsOf,
  scaleGradients,
  squaredNorms,
} from "./gradients.js";
import { advice, brokenWeight, firstBrokenModule, NonFiniteError } from "./nonFinite.js";
import type { Optimizer } from "./optimizers/optimizer.js";
import { lossIn, type Precision } from "./precision.js";
import { addMeasures, meanReport, type PendingReport, pendingReport, readReports } from "./stepReport.js";
import type { Batch, Routed, Trainable } from "./trainable.js";

export interface StepPlan {
  /** Counted from 0. */
  step: number;
  seed: number;
  lr: number;
  /** In place of the optimizer's. */
  momentum?: number;
  /** Largest norm of the gradients; Infinity for none. */
  clip: number;
  precision: Precision;
  /** Factor of the loss in the backward pass. Default 1. */
  lossScale?: number;
  /** Batches whose gradients are added up. Default 1. */
  accumulate?: number;
  /** Reads how the MoE layers routed. */
  withRouting: boolean;
  /** A loss or gradients that are not finite: an error (default), or a step without an update. */
  nonFinite?: "stop" | "skip";
}

export interface StepOutcome {
  loss: number;
  gradNorm: number;
  tokens: number;
  metrics: Record<string, number>;
  routing: LayerMeasures[];
  /** Why there was no update: what is not finite. */
  fault?: string;
}

/** A pass over one batch: what it told, and how it counts among others. */
interface Pass {
  report: PendingReport;
  weight: number;
  tokens: number;
}

/**
 * Forward, backward, clipping, update. All tensors it makes are freed; the host waits for the device once, before the
 * update, so that a step that went wrong changes no weight.
 *
 * The gradients of several batches add up to those of one batch that holds them all: each counts by its targets.
 */
export function trainStep(
  model: Trainable,
  optimizer: Optimizer,
  batchAt: (step: number, seed: number) => Batch,
  plan: StepPlan,
): StepOutcome {
  const { lossScale = 1, accumulate = 1 } = plan;
  try {
    return tidy(() => {
      const parameters = [...model.parameters()];
      model.train();
      const passes: Pass[] = [];
      const sums = new GradientSums();
      let routed: LayerMeasures[] = [];
      for (let micro = 0; micro < accumulate; micro++) {
        const pass = tidy(() => backward(model, batchAt, plan, micro, passes[0]?.weight));
        if (pass) passes.push(pass);
        if (accumulate > 1) noGrad(() => sums.add(parameters));
        if (plan.withRouting) routed = addMeasures(routed, measureRouting(routingOf(model)));
      }
      if (passes.length === 0) throw new Error(`step ${plan.step + 1}: no batch has a target`);

      const gradients = gradientsOf(parameters, sums.sums);
      const norms = gradients.tensors.length > 0 ? squaredNorms(gradients.tensors) : undefined;
      const { reports, other } = readReports(
        passes.map(({ report }) => report),
        norms,
      );
      const weights = passes.map(({ weight }) => weight);
      // Each pass counted by its weight relative to the first one's.
      const share = weights[0] / weights.reduce((sum, weight) => sum + weight, 0);
      const { loss, metrics } = meanReport(reports, weights);
      const gradNorm = (Math.sqrt(other.reduce((sum, square) => sum + square, 0)) / lossScale) * share;
      const tokens = passes.reduce((sum, pass) => sum + pass.tokens, 0);
      const outcome: StepOutcome = { loss, gradNorm, metrics, routing: routed, tokens };
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
        outcome.fault = describeFault(model, batchAt, plan, outcome, gradients, other);
        if ((plan.nonFinite ?? "stop") === "stop") throw nonFinite(plan, outcome.fault);
        return outcome;
      }
      update(optimizer, plan, gradients, (clipFactor(gradNorm, plan.clip) / lossScale) * share);
      return outcome;
    });
  } finally {
    optimizer.zeroGrad();
  }
}

/** One batch: its gradients are added to those that are there. Nothing when it has no target. */
function backward(
  model: Trainable,
  batchAt: (step: number, seed: number) => Batch,
  plan: StepPlan,
  micro: number,
  firstWeight: number | undefined,
): Pass | undefined {
  const batch = seededBatch(model, batchAt, plan, micro);
  const tokens = batch.targets.numel;
  const weight = (plan.accumulate ?? 1) > 1 ? weightOf(batch) : 1;
  if (weight === 0) return undefined;
  const report = lossIn(plan.precision, model, batch);
  const factor = (plan.lossScale ?? 1) * (weight / (firstWeight ?? weight));
  (factor === 1 ? report.loss : report.loss.mul(factor)).backward();
  return { report: pendingReport(report), weight, tokens };
}

/** Seeds torch for a pass and gets its batch. */
function seededBatch(
  model: Trainable,
  batchAt: (step: number, seed: number) => Batch,
  { step, seed, accumulate = 1 }: StepPlan,
  micro: number,
): Batch {
  manualSeed(micro === 0 ? mixSeed(seed, step) : mixSeed(seed, step, micro));
  return onDevice(batchAt(step * accumulate + micro, seed), model.parameters()[0].device);
}

/** By how much a batch counts: the targets that the mean of its loss goes over. */
function weightOf({ targets, weight }: Batch): number {
  if (weight !== undefined) return weight;
  if (targets.dtype !== "int64") return targets.numel;
  return noGrad(() => targets.ne(ignoredTarget).sum().item());
}

/** What PyTorch's cross entropy leaves out. */
const ignoredTarget = -100;

function update(optimizer: Optimizer, plan: StepPlan, gradients: Gradients, gradientScale: number): void {
  const { lr, momentum } = plan;
  const { parameters, tensors } = gradients;
  if (optimizer.takesStepOptions) {
    const summed = new Map(parameters.map((parameter, at) => [parameter, tensors[at]]));
    optimizer.step(lr, { gradientScale, gradients: summed, momentum });
    return;
  }
  noGrad(() => scaleGradients(tensors, gradientScale));
  for (const [at, parameter] of parameters.entries()) {
    if (parameter.grad === null) parameter.grad = tensors[at].to(parameter.dtype);
  }
  optimizer.step(lr);
}

/** As the model tells it, else of the MoE layers that are found in it. */
function routingOf(model: Trainable & Partial<Routed>): LayerRouting[] {
  return typeof model.routing === "function" ? model.routing() : routing(model);
}

export function onDevice({ inputs, targets, ...rest }: Batch, device: Device): Batch {
  return { ...rest, inputs: inputs.to({ device }), targets: targets.to({ device }) };
}

/** What is not finite, and where that begins. */
function describeFault(
  model: Trainable,
  batchAt: (step: number, seed: number) => Batch,
  plan: StepPlan,
  { loss, gradNorm }: StepOutcome,
  { parameters }: Gradients,
  squares: Float64Array,
): string {
  const weight = brokenWeight(model);
  if (weight !== undefined) return `the weight ${weight} is not finite`;
  if (!Number.isFinite(loss)) {
    const place = firstBrokenModule(model, () => {
      for (let micro = 0; micro < (plan.accumulate ?? 1); micro++) {
        lossIn(plan.precision, model, seededBatch(model, batchAt, plan, micro));
      }
    });
    return `the loss is ${loss}${place ? `; the first output that is not finite is that of ${place}` : ""}`;
  }
  const names = new Map<Tensor, string>(
    model.namedParameters().map(([name, parameter]) => [parameter, name]),
  );
  const broken = parameters.filter((_, at) => !Number.isFinite(squares[at]));
  const what = `the norm of the gradients is ${gradNorm}`;
  if (broken.length === 0) return what;
  // The backward pass comes from the end: what broke first is the last.
  const nearest = names.get(broken[broken.length - 1]);
  return `${what}; ${broken.length} of ${parameters.length} gradients are not finite, nearest to the loss that of ${nearest}`;
}

function nonFinite({ step, lr, precision }: StepPlan, fault: string): NonFiniteError {
  return new NonFiniteError(
    `step ${step + 1}: ${fault} (lr ${lr.toExponential(2)}). The update was not made, the weights are those after step ` +
      `${step}. ${advice(precision)} run.history has the steps before.`,
  );
}
