import { checkChoice, checkCount, checkReal } from "../nn/options.js";

/**
 * Which assignments an expert refuses when it is given more than it takes. "position": second choices before first
 * ones, then later tokens (GShard, arXiv 2006.16668). "probabilities": those that weigh least (DeepSpeed's "probs",
 * Tutel's batch-prioritised routing, V-MoE arXiv 2106.05974). "random": by chance, in training (DeepSpeed's random
 * token selection); by position otherwise.
 */
export type DropPolicy = "position" | "probabilities" | "random";
export const dropPolicies: readonly DropPolicy[] = ["position", "probabilities", "random"];

export interface CapacityOptions {
  /**
   * An expert takes at most ⌈T·k/E · capacityFactor⌉ of the T·k assignments of a forward pass. What is over is dropped
   * and adds nothing to its token. null or 0: no limit (dropless). Default null. Tutel's negative factors bound what is
   * reserved by what is needed; nothing is reserved here, so that they mean their absolute value.
   */
  capacityFactor?: number | null;
  /** The same outside of training. Default: capacityFactor. */
  evalCapacityFactor?: number | null;
  /** An expert takes at least so many, whatever the factor says (DeepSpeed). Default 0. */
  minCapacity?: number;
  /**
   * The tokens of a forward pass are cut into so many groups of consecutive ones; each expert has its capacity in each
   * group (GShard's local groups). The number of tokens must be a multiple of it. Default 1.
   */
  groups?: number;
  /** Default "position". */
  dropPolicy?: DropPolicy;
}

export const capacityOptionNames = [
  "capacityFactor",
  "evalCapacityFactor",
  "minCapacity",
  "groups",
  "dropPolicy",
] as const;

/** How much experts take. */
export interface Capacity extends Required<CapacityOptions> {}

/** @throws RangeError or TypeError for what makes no sense, naming `owner` */
export function checkCapacity(owner: string, options: CapacityOptions): Capacity {
  const { capacityFactor = null, evalCapacityFactor = capacityFactor } = options;
  return {
    capacityFactor: checkFactor(owner, "capacityFactor", capacityFactor),
    evalCapacityFactor: checkFactor(owner, "evalCapacityFactor", evalCapacityFactor),
    minCapacity: checkCount(owner, "minCapacity", options.minCapacity ?? 0, 0),
    groups: checkCount(owner, "groups", options.groups ?? 1),
    dropPolicy: checkChoice(owner, "dropPolicy", options.dropPolicy ?? "position", dropPolicies),
  };
}

function checkFactor(owner: string, name: string, value: number | null): number | null {
  return value === null ? null : Math.abs(checkReal(owner, name, value)) || null;
}

/**
 * Assignments an expert takes at most of a group of tokens; null without a limit.
 * @param tokens of one group
 */
export function expertCapacity(
  { capacityFactor, evalCapacityFactor, minCapacity }: Capacity,
  sizes: { tokens: number; topK: number; experts: number },
  training: boolean,
): number | null {
  const factor = training ? capacityFactor : evalCapacityFactor;
  if (factor === null) return null;
  return Math.max(Math.ceil(((sizes.tokens * sizes.topK) / sizes.experts) * factor), minCapacity);
}
