import { addon } from "../engine/addon.js";
import { keep } from "./lifetime.js";
import { wrap, wrapOptional } from "./operator.js";
import { Tensor } from "./tensor.js";

function withGradientMode<T>(enabled: boolean, body: () => T): T {
  const engine = addon();
  const previous = engine.setGradientEnabled(enabled);
  try {
    const result = body();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new TypeError(
        `${enabled ? "enableGrad" : "noGrad"}: expected a synchronous function; gradient mode cannot follow a promise`,
      );
    }
    return result;
  } finally {
    engine.setGradientEnabled(previous);
  }
}

/** Runs `body` without recording history. */
export function noGrad<T>(body: () => T): T {
  return withGradientMode(false, body);
}

/** Runs `body` recording history, also inside {@link noGrad}. */
export function enableGrad<T>(body: () => T): T {
  return withGradientMode(true, body);
}

export function isGradEnabled(): boolean {
  return addon().isGradientEnabled();
}

export interface GradOptions {
  /** Gradients of the outputs; may be left out where an output has one element. */
  gradOutputs?: (Tensor | null)[];
  /** Keeps the graph for another pass. Default: the value of createGraph. */
  retainGraph?: boolean;
  /** Records history of the pass itself, for higher derivatives. Default false. */
  createGraph?: boolean;
  /** Gives null for inputs that the outputs do not depend on, instead of an error. Default false. */
  allowUnused?: boolean;
}

/** Sum of gradients of `outputs` with respect to each of `inputs`, without touching any `grad`. */
export function grad(
  outputs: Tensor | Tensor[],
  inputs: Tensor[],
  options: GradOptions & { allowUnused: true },
): (Tensor | null)[];
export function grad(outputs: Tensor | Tensor[], inputs: Tensor[], options?: GradOptions): Tensor[];
export function grad(
  outputs: Tensor | Tensor[],
  inputs: Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { createGraph = false, retainGraph = createGraph, allowUnused = false, gradOutputs } = options;
  const list = Array.isArray(outputs) ? outputs : [outputs];
  return addon()
    .gradients(
      list.map((output) => output.handle),
      inputs.map((input) => input.handle),
      gradOutputs ? gradOutputs.map((gradient) => gradient?.handle ?? null) : null,
      retainGraph,
      createGraph,
      allowUnused,
    )
    .map(wrapOptional);
}

/** What a custom function's forward leaves for its backward. */
export class FunctionContext {
  private saved: Tensor[] = [];
  /** Which inputs want a gradient, in the order of forward's tensor arguments. */
  needsInputGrad: boolean[] = [];

  saveForBackward(...tensors: Tensor[]): void {
    this.saved = tensors.map(keep);
  }

  get savedTensors(): Tensor[] {
    return this.saved;
  }
}

export interface AutogradFunction<Args extends unknown[], Result extends Tensor | Tensor[]> {
  /** Named in `gradFn` and in errors. */
  name?: string;
  /** Computes the result. No history is recorded inside. */
  forward(context: FunctionContext, ...args: Args): Result;
  /**
   * Gradients of forward's tensor arguments, in their order (null for none; one may be returned without an array),
   * from the gradients of its results.
   */
  backward(
    context: FunctionContext,
    ...gradients: (Tensor | null)[]
  ): Tensor | null | undefined | (Tensor | null | undefined)[];
}

/**
 * An operator with a gradient of one's own, as PyTorch's `torch.autograd.Function`.
 * @example
 * const cube = torch.autogradFunction({
 *   forward(context, x: torch.Tensor) { context.saveForBackward(x); return x.pow(3); },
 *   backward(context, gradient) { return gradient!.mul(context.savedTensors[0].pow(2).mul(3)); },
 * });
 */
export function autogradFunction<Args extends unknown[], Result extends Tensor | Tensor[]>(
  definition: AutogradFunction<Args, Result>,
): (...args: Args) => Result {
  const name = definition.name ?? "AutogradFunction";
  return (...args) => {
    const context = new FunctionContext();
    const inputs = args.filter((arg): arg is Tensor & Args[number] => arg instanceof Tensor);
    context.needsInputGrad = inputs.map((input) => input.requiresGrad);
    const result = noGrad(() => definition.forward(context, ...args));
    if (!isGradEnabled() || !context.needsInputGrad.includes(true)) return result;

    const outputs: Tensor[] = Array.isArray(result) ? result : [result];
    const attached = addon()
      .attachFunction(
        name,
        inputs.map((input) => input.handle),
        outputs.map((output) => output.handle),
        (gradientHandles) => {
          const returned = definition.backward(context, ...gradientHandles.map(wrapOptional));
          const gradients = Array.isArray(returned) ? returned : [returned];
          return gradients.map((gradient) => {
            if (gradient === null || gradient === undefined) return null;
            if (gradient instanceof Tensor) return gradient.handle;
            throw new TypeError(
              `${name}: backward must return Tensors (null for none), got ${Array.isArray(gradient) ? "an array" : typeof gradient}`,
            );
          });
        },
      )
      .map(wrap);
    return (Array.isArray(result) ? attached : attached[0]) as Result;
  };
}
