import { addon } from "../engine/addon.js";
import { autocast, autocastDtype, forgetCasts } from "./autocast.js";
import { enableGrad, noGrad } from "./autograd.js";
import { getRngState, setRngState } from "./creation.js";
import { tidy } from "./lifetime.js";
import { wrap } from "./operator.js";
import type { Tensor } from "./tensor.js";

export interface Recomputation {
  /** What the outputs are computed from; they are kept for the backward pass. */
  inputs: Tensor[];
  /** Everything else that wants a gradient. */
  parameters: Tensor[];
  /** Computes the outputs. Of what it makes nothing is kept. */
  first(): Tensor[];
  /** Asked after `first`: tensors to keep for `again`. */
  context?(): Tensor[];
  /** Computes the outputs in a backward pass, the same way, with the generators where they were. */
  again(inputs: Tensor[], context: Tensor[]): Tensor[];
}

/**
 * Outputs whose backward pass computes them once more, instead of keeping what it needs (Chen et al., "Training deep
 * nets with sublinear memory cost", arXiv 1604.06174). Random numbers and autocast are as they were, hence also the
 * gradients, to the bit.
 */
export function recomputed({ inputs, parameters, first, context, again }: Recomputation): Tensor[] {
  const { device } = inputs[0];
  const dtype = autocastDtype(device);
  const devices = device === "cpu" ? [device] : ["cpu", device];
  const states = devices.map((each) => getRngState(each));
  const outputs = noGrad(() => tidy(first));
  // Casts of weights that were made without history must not serve where gradients are wanted.
  if (dtype !== null) forgetCasts(device);
  const wanted = inputs.map((input) => input.requiresGrad);
  const saved = [...inputs, ...states, ...(context?.() ?? [])];

  const rebuild = (handles: number[]): void =>
    tidy(() => {
      const tensors = handles.map(wrap);
      const fresh = tensors.slice(0, inputs.length);
      for (const [at, input] of fresh.entries()) input.requiresGrad = wanted[at];
      const [before, others] = [tensors.slice(inputs.length), tensors.slice(inputs.length + states.length)];
      const run = () => enableGrad(() => again(fresh, others));
      const now = devices.map((each) => getRngState(each));
      for (const [at, each] of devices.entries()) setRngState(before[at], each);
      try {
        const made = dtype === null ? run() : autocast(dtype, run, { device });
        addon().offerRecomputed(
          made.map(({ handle }) => handle),
          [...fresh, ...tensors.slice(inputs.length), ...parameters].map(({ handle }) => handle),
        );
      } finally {
        for (const [at, each] of devices.entries()) setRngState(now[at], each);
      }
    });

  const handles = (tensors: Tensor[]) => tensors.map(({ handle }) => handle);
  return addon()
    .attachRecomputation("recompute", handles(saved), handles(parameters), handles(outputs), rebuild)
    .map(wrap);
}
