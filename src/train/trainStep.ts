import { mixSeed } from "../data/stepRandom.js";
import { routing } from "../moe/routed.js";
import type { LayerRouting } from "../moe/routing.js";
import { type LayerMeasures, measureRouting } from "../moe/statistics/measures.js";
import { autocast } from "../torch/autocast.js";
import { noGrad } from "../torch/autograd.js";
import { manualSeed } from "../torch/creation.js";
import { tidy } from "../torch/lifetime.js";
import type { Device } from "../torch/operator.js";
import { stack } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { clipGradNorm } from "./clipping.js";
import type { Optimizer } from "./optimizers/optimizer.js";
import type { Batch, LossReport, Routed, Trainable } from "./trainable.js";

/**
 * "bf16": matrix products in bfloat16, everything that needs range in float32 (`torch.autocast`); weights, gradients
 * and optimizer stay in float32.
 */
export type Precision = "f32" | "bf16";

export interface StepPlan {
  /** Counted from 0. */
  step: number;
  seed: number;
  lr: number;
  /** Largest norm of the gradients; Infinity for none. */
  clip: number;
  precision: Precision;
  /** Reads how the MoE layers routed. */
  withRouting: boolean;
}

export interface StepOutcome {
  loss: number;
  gradNorm: number;
  tokens: number;
  metrics: Record<string, number>;
  routing: LayerMeasures[];
}

/** Loss or gradients became NaN or infinite. The weights are those from before the step. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";
}

/**
 * Forward, backward, clipping, update. All tensors it makes are freed; the host waits for the device once, before the
 * update, so that a step that went wrong changes no weight.
 */
export function trainStep(
  model: Trainable,
  optimizer: Optimizer,
  batchAt: (step: number, seed: number) => Batch,
  plan: StepPlan,
): StepOutcome {
  try {
    return tidy(() => {
      manualSeed(mixSeed(plan.seed, plan.step));
      const parameters = [...model.parameters()];
      const batch = onDevice(batchAt(plan.step, plan.seed), parameters[0].device);
      model.train();
      const report = lossIn(plan.precision, model, batch);
      report.loss.backward();
      const norm = clipGradNorm(parameters, plan.clip);
      const { loss, metrics, extra } = readReport(report, [norm]);
      const gradNorm = extra[0];
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) throw nonFinite(plan, loss, gradNorm);
      const routing = plan.withRouting ? measureRouting(routingOf(model)) : [];
      optimizer.step(plan.lr);
      return { loss, gradNorm, metrics, routing, tokens: batch.targets.numel };
    });
  } finally {
    optimizer.zeroGrad();
  }
}

/** The loss of a batch on the device of its inputs. */
export function lossIn(precision: Precision, model: Trainable, batch: Batch): LossReport {
  if (precision === "f32") return model.loss(batch);
  return autocast("bfloat16", () => model.loss(batch), { device: batch.inputs.device });
}

/** As the model tells it, else of the MoE layers that are found in it. */
function routingOf(model: Trainable & Partial<Routed>): LayerRouting[] {
  return typeof model.routing === "function" ? model.routing() : routing(model);
}

export function onDevice({ inputs, targets }: Batch, device: Device): Batch {
  return { inputs: inputs.to({ device }), targets: targets.to({ device }) };
}

/** Numbers of a report, in one transfer from the device. */
export function readReport(
  { loss, metrics }: LossReport,
  others: Tensor[] = [],
): { loss: number; metrics: Record<string, number>; extra: number[] } {
  const scalars = [loss, ...Object.values(metrics), ...others];
  const { device } = loss;
  const wide = noGrad(() =>
    stack(scalars.map((scalar) => scalar.detach().reshape([]).to({ dtype: "float64", device }))),
  );
  const values = Array.from(wide.cpu().asTypedArray({ copy: true }), Number);
  const names = Object.keys(metrics);
  return {
    loss: values[0],
    metrics: Object.fromEntries(names.map((name, at) => [name, values[1 + at]])),
    extra: values.slice(1 + names.length),
  };
}

function nonFinite({ step, lr }: StepPlan, loss: number, gradNorm: number): NonFiniteError {
  const what = Number.isFinite(loss) ? `the norm of the gradients is ${gradNorm}` : `the loss is ${loss}`;
  return new NonFiniteError(
    `step ${step + 1}: ${what} (lr ${lr.toExponential(2)}). The update was not made, the weights are those after step ` +
      `${step}. Usual causes: a learning rate that is too high or without warm-up, no clipping (clip: 1), a log or ` +
      "division in the loss that meets 0. run.history has the steps before.",
  );
}
