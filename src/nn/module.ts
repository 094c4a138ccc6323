import { inspect } from "node:util";
import { displaySymbol, type MimeBundle } from "../host.js";
import type { DType } from "../torch/dtype.js";
import { dtypeFacts } from "../torch/dtype.js";
import { keep, tidy } from "../torch/lifetime.js";
import type { Device } from "../torch/operator.js";
import { Tensor } from "../torch/tensor.js";
import { moduleTree } from "./moduleTree.js";
import { Parameter } from "./parameter.js";
import { type LoadOptions, type LoadResult, loadState, type StateDict } from "./stateDict.js";

/**
 * A part of a model. Its parameters, buffers and submodules are whatever Parameters, registered buffers and Modules
 * its own properties hold, directly or in arrays; a name is the path of properties, such as "layers.0.norm.weight".
 * Properties with a `#` cannot be seen from outside and are not found.
 *
 * @example
 * class Doubled extends nn.Module {
 *   proj = new nn.Linear(16, 16);
 *   forward(x: torch.Tensor) { return this.proj.forward(x).mul(2); }
 * }
 */
export abstract class Module {
  /** Whether layers such as dropout behave as in training. Set by {@link train} and {@link eval}. */
  training = true;
  private readonly bufferNames: { name: string; persistent: boolean }[] = [];

  abstract forward(...inputs: any[]): any;

  /**
   * Puts a tensor that is state but not trained under `this[name]`: it moves with the module and, unless
   * `persistent` is false, is part of {@link stateDict}. It outlives the scope it was made in.
   * @returns the tensor, so that a field can be declared with it: `bias = this.registerBuffer("bias", torch.zeros([8]))`
   */
  registerBuffer(name: string, tensor: Tensor, options: { persistent?: boolean } = {}): Tensor {
    const { persistent = true } = options;
    if (name.includes(".")) throw new TypeError(`registerBuffer: expected a name without ".", got "${name}"`);
    if (this.bufferNames.some((buffer) => buffer.name === name)) {
      throw new TypeError(
        `registerBuffer: there is a buffer "${name}" already; change its values in place (copy_)`,
      );
    }
    this.bufferNames.push({ name, persistent });
    keep(tensor);
    (this as Record<string, unknown>)[name] = tensor;
    return tensor;
  }

  /** The modules directly under this one, by property name ("layers.0" inside arrays). */
  children(): [name: string, child: Module][] {
    return this.members((value) => value instanceof Module) as [string, Module][];
  }

  /** This module (as "") and all below it, each once, parents first. */
  namedModules(): [name: string, module: Module][] {
    const seen = new Set<Module>();
    const found: [string, Module][] = [];
    const visit = (prefix: string, module: Module) => {
      if (seen.has(module)) return;
      seen.add(module);
      found.push([prefix, module]);
      for (const [name, child] of module.children()) visit(join(prefix, name), child);
    };
    visit("", this);
    return found;
  }

  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** Every parameter once (a shared one under its first name), in the order of declaration. */
  namedParameters(): [name: string, parameter: Parameter][] {
    const seen = new Set<Parameter>();
    const found: [string, Parameter][] = [];
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, value] of module.members((value) => value instanceof Parameter)) {
        const parameter = value as Parameter;
        if (seen.has(parameter)) continue;
        seen.add(parameter);
        found.push([join(prefix, name), parameter]);
      }
    }
    return found;
  }

  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  namedBuffers(): [name: string, buffer: Tensor][] {
    return this.listBuffers(() => true);
  }

  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** Number of trained values: elements of all parameters. */
  parameterCount(): number {
    return this.parameters().reduce((sum, parameter) => sum + parameter.numel, 0);
  }

  /** Puts this module and all below it into training mode (or, with false, out of it). */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Evaluation mode: no dropout, no noise. */
  eval(): this {
    return this.train(false);
  }

  /** Forgets the gradients: `grad` becomes null. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /**
   * Moves parameters and buffers, in place, to a device and/or a dtype (which only those with fractions take).
   * @returns this module
   */
  to(target: DType | Device | { dtype?: DType; device?: Device }): this {
    const { dtype, device } = toTarget(target);
    tidy(() => {
      for (const tensor of [...this.parameters(), ...this.buffers()]) {
        const move = (from: Tensor) =>
          from.to({ device, dtype: dtype && dtypeFacts[from.dtype].floating ? dtype : undefined });
        const gradient = tensor.grad;
        // A gradient of another dtype or on another device than its tensor is refused, so it goes first.
        if (gradient) tensor.grad = null;
        tensor.setData(move(tensor.detach()));
        if (gradient) tensor.grad = move(gradient);
      }
    });
    return this;
  }

  /** Parameters and persistent buffers by name: aliases of the module's own memory, without history. */
  stateDict(): StateDict {
    const state: StateDict = {};
    for (const [name, tensor] of this.state()) state[name] = tensor.detach();
    return state;
  }

  /**
   * Copies values into parameters and buffers; dtypes and devices are converted.
   * @returns with `strict: false`, the names that were missing or unexpected
   * @throws Error listing every missing and unexpected name (with `strict`, the default) and every mismatched shape;
   *   nothing has been copied then
   */
  loadStateDict(state: StateDict, options: LoadOptions = {}): LoadResult {
    return loadState(this.constructor.name, this.state(), state, options);
  }

  /**
   * Replaces each tensor of the last pass that {@link forward} has left in the module for use after it, such as the losses
   * of a gate, by what `map` makes of it. To be overridden together with such a forward: it is how
   * {@link recompute} gives these tensors their history.
   */
  mapSideOutputs(_map: (tensor: Tensor) => Tensor): void {}

  /** What the tree shows in parentheses after the module's name; PyTorch's `extra_repr`. */
  extraRepr(): string {
    return "";
  }

  toString(): string {
    return moduleTree(this);
  }

  [inspect.custom](): string {
    return this.toString();
  }

  [displaySymbol](): MimeBundle {
    return { "text/plain": this.toString() };
  }

  private state(): [string, Tensor][] {
    return [...this.namedParameters(), ...this.listBuffers((persistent) => persistent)];
  }

  private listBuffers(wanted: (persistent: boolean) => boolean): [string, Tensor][] {
    const seen = new Set<Tensor>();
    const found: [string, Tensor][] = [];
    for (const [prefix, module] of this.namedModules()) {
      for (const { name, persistent } of module.bufferNames) {
        const buffer = (module as unknown as Record<string, unknown>)[name];
        if (!(buffer instanceof Tensor) || seen.has(buffer) || !wanted(persistent)) continue;
        seen.add(buffer);
        found.push([join(prefix, name), buffer]);
      }
    }
    return found;
  }

  private members(wanted: (value: unknown) => boolean): [string, unknown][] {
    const found: [string, unknown][] = [];
    const visit = (name: string, value: unknown) => {
      if (wanted(value)) found.push([name, value]);
      else if (Array.isArray(value))
        for (const [at, element] of value.entries()) visit(`${name}.${at}`, element);
    };
    for (const [name, value] of Object.entries(this)) visit(name, value);
    return found;
  }
}

function join(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}

function toTarget(target: DType | Device | { dtype?: DType; device?: Device }): {
  dtype?: DType;
  device?: Device;
} {
  if (typeof target !== "string") return target;
  return target in dtypeFacts ? { dtype: target as DType } : { device: target };
}
