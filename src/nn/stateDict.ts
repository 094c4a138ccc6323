import { noGrad } from "../torch/autograd.js";
import type { Tensor } from "../torch/tensor.js";

/** Tensors by name, as a checkpoint holds them. */
export type StateDict = Record<string, Tensor>;

export interface LoadOptions {
  /** Missing and unexpected names are errors. Default true. A mismatched shape always is one. */
  strict?: boolean;
}

export interface LoadResult {
  /** Names the module has and the state has not: their values are unchanged. */
  missing: string[];
  /** Names the state has and the module has not. */
  unexpected: string[];
}

/** Copies `state` into `targets`, all or nothing. */
export function loadState(
  owner: string,
  targets: [name: string, tensor: Tensor][],
  state: StateDict,
  options: LoadOptions,
): LoadResult {
  const { strict = true } = options;
  const names = new Set(targets.map(([name]) => name));
  const missing = targets.map(([name]) => name).filter((name) => !(name in state));
  const unexpected = Object.keys(state).filter((name) => !names.has(name));
  const mismatched = targets
    .filter(([name, tensor]) => name in state && !sameShape(tensor.shape, state[name].shape))
    .map(([name, tensor]) => `${name}: expected ${shapeText(tensor)}, got ${shapeText(state[name])}`);

  const faults: string[] = [];
  if (strict && missing.length > 0) faults.push(...list(`missing (${missing.length})`, missing));
  if (strict && unexpected.length > 0) faults.push(...list(`unexpected (${unexpected.length})`, unexpected));
  if (mismatched.length > 0) faults.push(...list(`of another shape (${mismatched.length})`, mismatched));
  if (faults.length > 0) {
    const advice =
      strict && mismatched.length === 0
        ? "If that is meant, pass { strict: false }: what fits is then copied."
        : "Build the module with the options that the state was saved with.";
    throw new Error(`loadStateDict: the state does not fit ${owner}\n${faults.join("\n")}\n${advice}`);
  }
  noGrad(() => {
    for (const [name, tensor] of targets) if (name in state) tensor.copy_(state[name]);
  });
  return { missing, unexpected };
}

const shown = 20;

function list(title: string, entries: string[]): string[] {
  const lines = entries.slice(0, shown).map((entry) => `    ${entry}`);
  if (entries.length > shown) lines.push(`    … and ${entries.length - shown} more`);
  return [`  ${title}:`, ...lines];
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, at) => size === b[at]);
}

function shapeText(tensor: Tensor): string {
  return `[${tensor.shape.join(", ")}]`;
}
