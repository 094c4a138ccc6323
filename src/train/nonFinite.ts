import type { Module } from "../nn/module.js";
import { noGrad } from "../torch/autograd.js";
import { tidy } from "../torch/lifetime.js";
import { Tensor } from "../torch/tensor.js";
import { squaredNorms } from "./gradients.js";
import type { Precision } from "./precision.js";
import type { Trainable } from "./trainable.js";

/** Loss or gradients became NaN or infinite. The weights are those from before the step. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";
}

/** The first weight that is not finite: then nothing else needs a cause. */
export function brokenWeight(model: Trainable): string | undefined {
  const named = model.namedParameters();
  const sums = tidy(
    () => squaredNorms(named.map(([, parameter]) => parameter.detach())).toArray() as number[],
  );
  const at = sums.findIndex((sum) => !Number.isFinite(sum));
  return at < 0 ? undefined : named[at][0];
}

/**
 * Runs a pass again and watches what each module returns.
 * @returns the first whose output is not finite, the innermost of several, as "layers.1.feedForward (MoELayer)"
 */
export function firstBrokenModule(model: Module, pass: () => void): string | undefined {
  const watched: Module[] = [];
  let found: string | undefined;
  try {
    for (const [name, module] of model.namedModules()) {
      const { forward } = module;
      if (Object.hasOwn(module, "forward")) continue;
      module.forward = (...inputs: unknown[]) => {
        const output = forward.apply(module, inputs);
        if (found === undefined && !finite(output))
          found = `${name || "the model"} (${module.constructor.name})`;
        return output;
      };
      watched.push(module);
    }
    tidy(() => noGrad(pass));
  } finally {
    for (const module of watched) delete (module as Partial<Module>).forward;
  }
  return found;
}

/** Whether the tensors of a value are: itself, in an array or an object. */
function finite(value: unknown): boolean {
  if (value instanceof Tensor) {
    // −∞ is what masks are made of; what must not be is NaN and +∞.
    return tidy(() => Number(value.isnan().logicalOr(value.eq(Infinity)).any().item()) === 0);
  }
  if (Array.isArray(value)) return value.every(finite);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.values(value).every(finite);
  }
  return true;
}

/** What usually helps, in one sentence. */
export function advice(precision: Precision): string {
  const half = precision === "f16" || (typeof precision === "object" && precision.params === "f16");
  const causes =
    "Usual causes: a learning rate that is too high or without warm-up, no clipping (clip: 1), a log or division in the " +
    "loss that meets 0.";
  return half ? `${causes} float16 ends at 65504: precision "bf16" has float32's range.` : causes;
}
