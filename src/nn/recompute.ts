import { isGradEnabled, noGrad } from "../torch/autograd.js";
import { ops } from "../torch/ops.js";
import { recomputed } from "../torch/recompute.js";
import type { Tensor } from "../torch/tensor.js";
import type { Module } from "./module.js";

/**
 * Runs `body`, a forward pass through some modules, and keeps of it only the inputs: its backward pass runs it once more.
 * That takes the memory of the activations for the time of a second forward pass. Results and gradients are the same
 * to the bit; dropout repeats its masks, buffers that a pass changes change once.
 *
 * What modules leave behind for use after the pass must be told by {@link Module.mapSideOutputs}. There are no second
 * derivatives.
 *
 * @param modules all that `body` uses and that have parameters
 * @example
 * for (const block of this.blocks) x = nn.recompute(block, (x) => block.forward(x), x);
 */
export function recompute(
  modules: Module | readonly Module[],
  body: (...inputs: Tensor[]) => Tensor,
  ...inputs: Tensor[]
): Tensor {
  const all = [...new Set([modules].flat().flatMap((module: Module) => module.modules()))];
  const parameters = unique(all.flatMap((module) => module.parameters())).filter((each) => each.requiresGrad);
  const wanted = parameters.length > 0 || inputs.some((input) => input.requiresGrad);
  if (!isGradEnabled() || !wanted || inputs.length === 0) return body(...inputs);

  const buffers = unique(all.flatMap((module) => module.buffers()));
  const watched = noGrad(() =>
    buffers.map((buffer) => ({ buffer, before: buffer.clone(), version: versionOf(buffer) })),
  );
  const modes = all.map(({ training }) => training);
  let changed: Tensor[] = [];
  const [output, ...left] = recomputed({
    inputs,
    parameters,
    first: () => [body(...inputs), ...sideOutputs(all)],
    context: () => {
      const written = watched.filter(({ buffer, version }) => versionOf(buffer) !== version);
      for (const each of watched) if (!written.includes(each)) each.before.dispose();
      changed = written.map(({ buffer }) => buffer);
      return written.map(({ before }) => before);
    },
    again: (fresh, before) => {
      const held = sideOutputs(all);
      const now = all.map(({ training }) => training);
      const after = noGrad(() => changed.map((buffer) => buffer.clone()));
      copyInto(changed, before);
      for (const [at, module] of all.entries()) module.training = modes[at];
      try {
        const result = body(...fresh);
        const made = sideOutputs(all);
        replaceSideOutputs(all, made, held);
        return [result, ...made];
      } finally {
        copyInto(changed, after);
        for (const [at, module] of all.entries()) module.training = now[at];
      }
    },
  });
  replaceSideOutputs(all, sideOutputs(all), left);
  return output;
}

function sideOutputs(modules: readonly Module[]): Tensor[] {
  const found = new Set<Tensor>();
  for (const module of modules) {
    module.mapSideOutputs((tensor) => {
      found.add(tensor);
      return tensor;
    });
  }
  return [...found];
}

function replaceSideOutputs(modules: readonly Module[], from: Tensor[], to: Tensor[]): void {
  const replacement = new Map(from.map((tensor, at) => [tensor, to[at]]));
  for (const module of modules) module.mapSideOutputs((tensor) => replacement.get(tensor) ?? tensor);
}

function copyInto(targets: Tensor[], values: Tensor[]): void {
  noGrad(() => {
    for (const [at, target] of targets.entries()) target.copy_(values[at]);
  });
}

/** Counts the writes to a tensor. */
function versionOf(tensor: Tensor): number {
  return ops.aten._version(tensor) as number;
}

function unique(tensors: Tensor[]): Tensor[] {
  return [...new Set(tensors)];
}
