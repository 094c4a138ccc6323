import { checkOptionNames, checkReal, describeValue } from "../../nn/options.js";
import type { Tensor } from "../../torch/tensor.js";
import type { Parameters } from "./optimizer.js";

/** Which parameters: a name or that of a module above it ("layers.0"), a pattern in the name, or a function. */
export type ParameterSelector = string | RegExp | ((name: string, parameter: Tensor) => boolean);

/** Parameters with settings of their own. */
export interface ParameterGroup {
  parameters: ParameterSelector;
  /** Learning rate at a schedule factor of 1. Default: the optimizer's. */
  lr?: number;
  /** Default: the optimizer's, also for parameters that do not decay otherwise. */
  weightDecay?: number;
}

export interface GroupOptions {
  lr: number;
  weightDecay: number;
  /** Which parameters decay. Default: those with two or more dimensions, so no biases and no norm scales. */
  decays?: (name: string, parameter: Tensor) => boolean;
  /** The first group that a parameter is in counts; the others go by the optimizer's own settings. */
  groups?: readonly ParameterGroup[];
}

/** A parameter and what its group says. */
export interface GroupedParameter {
  name: string;
  parameter: Tensor;
  /** Of the optimizer's learning rate. */
  lrFactor: number;
  weightDecay: number;
}

/**
 * Every trained parameter once, with the settings of its group.
 * @throws Error for a group without parameters, which is a misspelt name
 */
export function groupParameters(owner: string, model: Parameters, options: GroupOptions): GroupedParameter[] {
  const { lr, weightDecay, groups = [], decays = (_name, parameter) => parameter.ndim >= 2 } = options;
  for (const [at, group] of groups.entries()) checkGroup(`${owner}: groups[${at}]`, group, lr);
  const used = new Set<ParameterGroup>();
  const seen = new Set<Tensor>();
  const found: GroupedParameter[] = [];
  const names: string[] = [];
  for (const [name, parameter] of model.namedParameters()) {
    names.push(name);
    if (seen.has(parameter)) continue; // tied
    seen.add(parameter);
    const group = groups.find(({ parameters }) => selects(parameters, name, parameter));
    if (group) used.add(group);
    found.push({
      name,
      parameter,
      lrFactor: group?.lr === undefined ? 1 : group.lr / lr,
      weightDecay: group?.weightDecay ?? (decays(name, parameter) ? weightDecay : 0),
    });
  }
  if (found.length === 0) throw new Error(`${owner}: the model has no parameters`);
  for (const [at, group] of groups.entries()) {
    if (used.has(group)) continue;
    const selector =
      typeof group.parameters === "string" ? `"${group.parameters}"` : String(group.parameters);
    throw new Error(
      `${owner}: groups[${at}] has no parameters: ${selector} selects none that an earlier group leaves. ` +
        `The model has ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}`,
    );
  }
  return found;
}

function selects(selector: ParameterSelector, name: string, parameter: Tensor): boolean {
  if (typeof selector === "function") return selector(name, parameter);
  if (selector instanceof RegExp) return name.search(selector) >= 0;
  return name === selector || name.startsWith(`${selector}.`);
}

function checkGroup(owner: string, group: ParameterGroup, lr: number): void {
  checkOptionNames(owner, group, ["parameters", "lr", "weightDecay"]);
  const { parameters } = group;
  if (typeof parameters !== "string" && typeof parameters !== "function" && !(parameters instanceof RegExp)) {
    throw new TypeError(
      `${owner}: parameters must be a name, a RegExp or a function (name, parameter) => boolean, ` +
        `got ${describeValue(parameters)}`,
    );
  }
  if (group.lr !== undefined) {
    checkReal(owner, "lr", group.lr, { min: 0 });
    if (lr === 0) throw new RangeError(`${owner}: lr needs an optimizer whose own lr is above 0`);
  }
  if (group.weightDecay !== undefined) checkReal(owner, "weightDecay", group.weightDecay, { min: 0 });
}
