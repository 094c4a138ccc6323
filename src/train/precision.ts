import { Gate } from "../moe/gate.js";
import { checkChoice, checkOptionNames, describeValue } from "../nn/options.js";
import { autocast } from "../torch/autocast.js";
import { noGrad } from "../torch/autograd.js";
import type { DType } from "../torch/dtype.js";
import { keep, tidy } from "../torch/lifetime.js";
import type { Tensor } from "../torch/tensor.js";
import type { Batch, LossReport, Trainable } from "./trainable.js";

/**
 * "f32"; "bf16" and "f16": matrix products in half precision, everything that needs range in float32
 * (`torch.autocast`), weights, gradients and optimizer in float32; or {@link HalfParameters}.
 */
export type Precision = "f32" | "bf16" | "f16" | HalfParameters;

/**
 * Parameters and gradients in half precision as well, as DeepSpeed's bf16 and fp16 modes have them; computed as under
 * "bf16" and "f16". The parameters of gates stay in float32, as in DeepSpeed: they decide where tokens go.
 */
export interface HalfParameters {
  params: "bf16" | "f16";
  /**
   * "f32": the optimizer keeps each weight in float32 and rounds it to the parameter. "none" (bf16 only) does without and
   * rounds at random. Default "f32".
   */
  master?: "f32" | "none";
}

const dtypes = { bf16: "bfloat16", f16: "float16" } as const;

export function checkPrecision(owner: string, precision: Precision): Precision {
  if (typeof precision !== "object" || precision === null) {
    if (precision === "f32" || precision === "bf16" || precision === "f16") return precision;
    throw new TypeError(
      `${owner}: precision should be "f32", "bf16", "f16", { params: "bf16" } or { params: "f16" }, ` +
        `got ${describeValue(precision)}`,
    );
  }
  checkOptionNames(`${owner} precision`, precision, ["params", "master"]);
  const params = checkChoice(owner, "precision.params", precision.params, ["bf16", "f16"]);
  const master = checkChoice(owner, "precision.master", precision.master ?? "f32", ["f32", "none"]);
  if (params === "f16" && master === "none") {
    throw new TypeError(
      `${owner}: f16 parameters need master weights; leave precision.master at "f32", or take params: "bf16"`,
    );
  }
  return precision;
}

/** The type that products are computed in; null for float32. */
export function computeType(precision: Precision): DType | null {
  if (precision === "f32") return null;
  return dtypes[typeof precision === "string" ? precision : precision.params];
}

/** Whether gradients can leave the range of the type and have to be scaled. */
export function needsLossScale(precision: Precision): boolean {
  return computeType(precision) === "float16";
}

/** The loss of a batch on the device of its inputs. */
export function lossIn(precision: Precision, model: Trainable, batch: Batch): LossReport {
  const dtype = computeType(precision);
  if (dtype === null) return model.loss(batch);
  return autocast(dtype, () => model.loss(batch), { device: batch.inputs.device });
}

/**
 * Turns the parameters into what the precision asks for, in place.
 * @returns their values from before in float32, for the optimizer; empty when nothing changes
 */
export function convertParameters(model: Trainable, precision: Precision): Map<Tensor, Tensor> {
  const masters = new Map<Tensor, Tensor>();
  if (typeof precision === "string") return masters;
  const dtype = dtypes[precision.params];
  const gates = new Set<Tensor>(
    model.modules().flatMap((module) => (module instanceof Gate ? module.parameters() : [])),
  );
  tidy(() =>
    noGrad(() => {
      for (const parameter of model.parameters()) {
        if (gates.has(parameter) || parameter.dtype === dtype) continue;
        const before = parameter.detach().to("float32");
        masters.set(parameter, keep(before === parameter ? before.clone() : before));
        parameter.grad = null;
        parameter.setData(before.to(dtype));
      }
    }),
  );
  return masters;
}
