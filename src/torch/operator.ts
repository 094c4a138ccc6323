import { addon, type Kind, type OverloadDescription, type ParameterDescription } from "../engine/addon.js";
import { TorchError } from "../engine/errors.js";
import { type DType, dtypeCode } from "./dtype.js";
import { adopt, care, collectGarbage, collectionDue, collectYoung } from "./lifetime.js";
import { Tensor } from "./tensor.js";

/** What operators take where PyTorch's schemas say Scalar. Whole numbers count as integers. */
export type Scalar = number | boolean | bigint;
/** "cpu", "cuda", "cuda:1". */
export type Device = string;
/** How a loss sums up its elements. */
export type Reduction = "none" | "mean" | "sum";
export type MemoryFormat = "contiguous" | "preserve" | "channelsLast" | "channelsLast3d";

const reductions: Record<Reduction, number> = { none: 0, mean: 1, sum: 2 };

const memoryFormats: Record<MemoryFormat, number> = {
  contiguous: 0,
  preserve: 1,
  channelsLast: 2,
  channelsLast3d: 3,
};

/** A JavaScript function for an operator: arguments in schema order, the last may be an object with named ones. */
export type OperatorFunction = (...args: any[]) => any;

interface Overload {
  description: OverloadDescription;
  /** Parameter names as JavaScript writes them, in schema order. */
  names: string[];
  index: number;
}

export function camelCase(name: string): string {
  return name.replace(/(?<=[a-zA-Z0-9])_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Overloads people can call from JavaScript: no `out=` variants, no named dimensions, no in-place ones under a name
 * that is not in-place. The more specific come first: tensors before scalars, fewer parameters before more; forms
 * with a generator (which stays at its default) last.
 */
export function callableOverloads(name: string): OverloadDescription[] {
  return addon()
    .describe(name)
    .filter((overload) => isCallable(overload, name.endsWith("_")))
    .map(withReductions)
    .sort((a, b) => rank(a) - rank(b));
}

/** Schemas have losses' `reduction` as an integer; PyTorch's users write "none", "mean" or "sum". */
function withReductions(overload: OverloadDescription): OverloadDescription {
  const parameters = overload.parameters.map((parameter) =>
    parameter.name === "reduction" && parameter.kind === "integer"
      ? { ...parameter, kind: "reduction" as const }
      : parameter,
  );
  return { ...overload, parameters };
}

function isCallable(overload: OverloadDescription, inPlace: boolean): boolean {
  const written = overload.parameters.findIndex((parameter) => parameter.written);
  if (written > 0 || (written === 0 && !inPlace)) return false;
  return overload.parameters.every(
    (parameter) => (parameter.kind !== "unsupported" && parameter.kind !== "generator") || parameter.optional,
  );
}

function rank(overload: OverloadDescription): number {
  const scalars = overload.parameters.filter(
    (parameter) => parameter.kind === "scalar" && !parameter.hasDefault,
  );
  const withGenerator = overload.parameters.some((parameter) => parameter.kind === "generator");
  return (withGenerator ? 1000 : 0) + scalars.length * 100 + overload.parameters.length;
}

/**
 * The function behind an operator name such as "aten::add". Nothing is looked up before its first call.
 * @throws TypeError listing the overloads when no overload takes the arguments.
 */
export function operator(name: string): OperatorFunction {
  let compiled: OperatorFunction = (...args) => {
    compiled = compile(name);
    return compiled(...args);
  };
  return (a, b, c, d, e, f, g, h, ...rest) =>
    rest.length > 0 ? compiled(a, b, c, d, e, f, g, h, ...rest) : compiled(a, b, c, d, e, f, g, h);
}

/**
 * The method for an operator whose first parameter is `self`, compiled now. Each is source text of its own, so that
 * the engine's compiler sees one callee in it and can merge the two.
 */
export function operatorMethod(name: string): OperatorFunction {
  const body = `return function (a, b, c, d, e, f, g) { return call(this, a, b, c, d, e, f, g); }; // ${name}`;
  return new Function("call", body)(compile(name)) as OperatorFunction;
}

/** One exact overload, for example `overload("aten::std", "correction")`. */
export function operatorOverload(name: string, overload: string): OperatorFunction {
  let compiled: OperatorFunction | undefined;
  return (...args) => {
    compiled ??= compile(name, overload);
    return compiled(...args);
  };
}

function overloadsOf(name: string, overload?: string): Overload[] {
  const all =
    overload === undefined
      ? callableOverloads(name)
      : addon()
          .describe(name)
          .filter((description) => description.overload === overload);
  if (all.length === 0) {
    throw new TypeError(`operator ${name}${overload ? `.${overload}` : ""} does not exist in this libtorch`);
  }
  return all.map((description) => ({
    description,
    names: description.parameters.map((parameter) => camelCase(parameter.name)),
    index: addon().lookUp(name, description.overload),
  }));
}

/**
 * Compiles the calls without named arguments into straight code; anything else takes the slow path. Measured on a
 * 2×2 add this is worth more than half of the time of a call.
 */
function compile(name: string, overload?: string): OperatorFunction {
  const overloads = overloadsOf(name, overload);
  const engine = addon();
  const inPlace = name.endsWith("_");
  const width = Math.max(...overloads.map((each) => positionalCount(each.description)), 8);
  const parameters = Array.from({ length: width }, (_, index) => `a${index}`);
  const branches: string[] = [];
  for (const each of overloads) {
    const description = each.description;
    const count = positionalCount(description);
    const required = description.parameters.filter((parameter) => isRequired(parameter)).length;
    const requiredFirst = description.parameters.slice(0, required).every(isRequired);
    if (!requiredFirst || required > count) continue;
    for (let given = required; given <= Math.min(count, width); given++) {
      const used = description.parameters.slice(0, given);
      const tests = used.map((parameter, index) => acceptTest(parameter, `a${index}`, index < required));
      const rest = parameters.slice(given);
      if (rest.length > 0) tests.push(`${rest[0]} === undefined`);
      if (rest.length > 1)
        tests.push(
          rest
            .slice(1)
            .map((each) => `${each} === undefined`)
            .join(" && "),
        );
      const values = used.map((parameter, index) => conversion(parameter.kind, `a${index}`));
      branches.push(
        `if (${tests.join(" && ") || "true"}) ${invocation(description, each.index, values, inPlace)}`,
      );
    }
  }
  const all = `[${parameters.join(", ")}]`;
  const body = `return function (${parameters.join(", ")}) {
try {
${branches.join("\n")}
} catch (error) {
  return again(error, ${all});
}
return slow(${all});
};`;
  const slow = (args: unknown[]) => callSlowly(name, overloads, args, inPlace);
  // Out of memory while tensors that nobody refers to wait for the garbage collector: free them and try once more.
  // In-place operators may have written already.
  const again = (error: unknown, args: unknown[]) => {
    if (inPlace || !(error instanceof TorchError) || error.code !== "OUT_OF_MEMORY") throw error;
    collectGarbage();
    return slow(args);
  };
  const scope = {
    Tensor,
    call: engine.call,
    callTracked: engine.callTracked,
    callInPlace: engine.callInPlace,
    care,
    due: collectionDue(),
    collectYoung,
    wrapOptional,
    wrapAll,
    wrapList,
    handles,
    dtypeCode,
    memoryFormats,
    reductions,
    isNumbers,
    isTensors,
    slow,
    again,
  };
  return new Function(...Object.keys(scope), body)(...Object.values(scope)) as OperatorFunction;
}

function isRequired(parameter: ParameterDescription): boolean {
  return !parameter.hasDefault && !parameter.optional;
}

function positionalCount(description: OverloadDescription): number {
  const first = description.parameters.findIndex((parameter) => parameter.keywordOnly);
  return first < 0 ? description.parameters.length : first;
}

/** Source text of a test whether `value` fits the parameter. */
function acceptTest(parameter: ParameterDescription, value: string, required: boolean): string {
  const test = kindTest(parameter.kind, value);
  return required ? test : `(${value} === undefined || ${value} === null || ${test})`;
}

function kindTest(kind: Kind, value: string): string {
  switch (kind) {
    case "tensor":
      return `${value} instanceof Tensor`;
    case "tensorList":
    case "optionalTensorList":
      return `isTensors(${value})`;
    case "scalar":
      return `(typeof ${value} === "number" || typeof ${value} === "boolean" || typeof ${value} === "bigint")`;
    case "integer":
      return `(typeof ${value} === "number" || typeof ${value} === "bigint")`;
    case "reduction":
      return `(typeof ${value} === "string" && Object.hasOwn(reductions, ${value}))`;
    case "real":
      return `typeof ${value} === "number"`;
    case "integerList":
      return `(typeof ${value} === "number" || isNumbers(${value}))`;
    case "realList":
    case "scalarList":
      return `isNumbers(${value})`;
    case "boolean":
      return `typeof ${value} === "boolean"`;
    case "booleanList":
      return `Array.isArray(${value})`;
    case "string":
    case "device":
    case "dtype":
    case "layout":
    case "memoryFormat":
      return `typeof ${value} === "string"`;
    default:
      return "false";
  }
}

/** Source text of the value the engine takes. */
function conversion(kind: Kind, value: string): string {
  switch (kind) {
    case "tensor":
      return `(${value} == null ? undefined : ${value}.handle)`;
    case "tensorList":
    case "optionalTensorList":
      return `handles(${value})`;
    case "dtype":
      return `(${value} == null ? undefined : dtypeCode(${value}))`;
    case "memoryFormat":
      return `(${value} == null ? undefined : memoryFormats[${value}])`;
    case "reduction":
      return `(${value} == null ? undefined : reductions[${value}])`;
    case "layout":
      return "0";
    default:
      return value;
  }
}

function invocation(
  description: OverloadDescription,
  index: number,
  values: string[],
  inPlace: boolean,
): string {
  const list = [index, ...values].join(", ");
  if (inPlace && description.parameters[0]?.written) {
    // `_foreach_` and `_fused_` operators write to lists of tensors, return nothing and change no shape.
    if (description.parameters[0].kind !== "tensor") return `{ callInPlace(${list}); return; }`;
    return `{ callInPlace(${list}); a0.forgetShape(); return a0; }`;
  }
  const returns = description.returns;
  if (returns.length === 0) return `{ call(${list}); return; }`;
  if (returns.length === 1) {
    if (returns[0].kind === "tensor") {
      // Outside of scopes the garbage collector owns the result: saying so in the same call saves a transition.
      return `{
  if (care.scope !== null) return wrapOptional(call(${list}));
  const result = new Tensor(-1);
  const handle = callTracked(result, ${list});
  if (handle === null) return null;
  result.handle = handle;
  if (due[0] !== 0) collectYoung();
  return result;
}`;
    }
    if (returns[0].kind === "tensorList") return `return wrapList(call(${list}));`;
    return `return call(${list});`;
  }
  const kinds = JSON.stringify(returns.map((each) => each.kind));
  return `return wrapAll(call(${list}), ${kinds});`;
}

/** A new tensor for a handle, in the care of the scope or the garbage collector. */
export function wrap(handle: number): Tensor {
  const tensor = new Tensor(handle);
  adopt(tensor);
  return tensor;
}

export function wrapOptional(handle: number | null): Tensor | null {
  return handle === null ? null : wrap(handle);
}

function wrapList(list: number[]): Tensor[] {
  return list.map(wrap);
}

function wrapAll(values: unknown[], kinds: Kind[]): unknown[] {
  return values.map((value, index) => {
    if (kinds[index] === "tensor") return wrapOptional(value as number | null);
    if (kinds[index] === "tensorList") return wrapList(value as number[]);
    return value;
  });
}

function handles(tensors: readonly (Tensor | null)[] | undefined | null): (number | null)[] | undefined {
  return tensors?.map((tensor) => (tensor ? tensor.handle : null));
}

function isNumbers(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    (value.length === 0 || typeof value[0] === "number" || typeof value[0] === "bigint")
  );
}

function isTensors(value: unknown): boolean {
  return Array.isArray(value) && value.every((element) => element instanceof Tensor || element === null);
}

function isOptions(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Tensor);
}

const tests = new Map<Kind, (value: unknown) => boolean>();

function accepts(kind: Kind, value: unknown): boolean {
  let test = tests.get(kind);
  if (!test) {
    test = new Function(
      "Tensor",
      "isNumbers",
      "isTensors",
      "reductions",
      `return (value) => ${kindTest(kind, "value")}`,
    )(Tensor, isNumbers, isTensors, reductions) as (value: unknown) => boolean;
    tests.set(kind, test);
  }
  return test(value);
}

/** Matches named arguments, or finds out what is wrong. */
function callSlowly(name: string, overloads: Overload[], given: unknown[], inPlace: boolean): unknown {
  let count = given.length;
  while (count > 0 && given[count - 1] === undefined) count--;
  const args = given.slice(0, count);
  const options = isOptions(args[count - 1]) ? (args.pop() as Record<string, unknown>) : {};

  const reasons: string[] = [];
  for (const overload of overloads) {
    const values = match(overload, args, options);
    if (typeof values === "string") {
      reasons.push(values);
      continue;
    }
    const { description, index } = overload;
    const converted = description.parameters.map((parameter, at) => convert(parameter.kind, values[at]));
    if (inPlace && description.parameters[0]?.written) {
      addon().callInPlace(index, ...converted);
      if (description.parameters[0].kind !== "tensor") return undefined;
      const self = values[0] as Tensor;
      self.forgetShape();
      return self;
    }
    const result = addon().call(index, ...converted);
    const returns = description.returns;
    if (returns.length === 1) return wrapAll([result], [returns[0].kind])[0];
    return returns.length === 0
      ? undefined
      : wrapAll(
          result as unknown[],
          returns.map((each) => each.kind),
        );
  }
  const forms = overloads.map((overload, at) => `  ${signature(overload)}\n    ${reasons[at]}`);
  throw new TypeError(`${displayName(name)} has no form that takes these arguments:\n${forms.join("\n")}`);
}

function convert(kind: Kind, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  switch (kind) {
    case "tensor":
      return (value as Tensor).handle;
    case "tensorList":
    case "optionalTensorList":
      return handles(value as Tensor[]);
    case "dtype":
      return dtypeCode(value as DType);
    case "memoryFormat":
      return memoryFormats[value as MemoryFormat];
    case "reduction":
      return reductions[value as Reduction];
    case "layout":
      return 0;
    default:
      return value;
  }
}

/** The values in schema order, or why the arguments do not fit. */
function match(overload: Overload, args: unknown[], options: Record<string, unknown>): unknown[] | string {
  const { parameters } = overload.description;
  const count = positionalCount(overload.description);
  if (args.length > count) return `takes at most ${count} positional arguments, got ${args.length}`;
  const known = new Set(overload.names);
  for (const key of Object.keys(options)) {
    if (!known.has(key)) return `has no option '${key}'`;
  }
  const values: unknown[] = [];
  for (const [at, parameter] of parameters.entries()) {
    const name = overload.names[at];
    if (at < args.length && args[at] !== undefined && name in options) return `'${name}' is given twice`;
    const value = (at < args.length ? args[at] : undefined) ?? options[name];
    if (value === undefined || value === null) {
      if (isRequired(parameter)) return `'${name}' is missing`;
    } else if (!accepts(parameter.kind, value)) {
      return `'${name}' should be ${kindText(parameter.kind)}, got ${valueText(value)}`;
    }
    values.push(value);
  }
  return values;
}

function valueText(value: unknown): string {
  if (value instanceof Tensor) return "a Tensor";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `${typeof value} ${String(value)}`;
}

function kindText(kind: Kind): string {
  const texts: Partial<Record<Kind, string>> = {
    tensor: "a Tensor",
    tensorList: "an array of Tensors",
    optionalTensorList: "an array of Tensors or nulls",
    scalar: "a number, boolean or bigint",
    integer: "an integer",
    integerList: "an array of integers",
    real: "a number",
    realList: "an array of numbers",
    boolean: "a boolean",
    string: "a string",
    device: 'a device such as "cpu" or "cuda:0"',
    dtype: 'a dtype such as "float32"',
    reduction: '"none", "mean" or "sum"',
  };
  return texts[kind] ?? kind;
}

export function displayName(name: string): string {
  const [namespace, base] = name.split("::");
  return namespace === "aten" ? `torch.${camelCase(base)}` : `torch.ops.${namespace}.${base}`;
}

function signature(overload: Overload): string {
  return overload.description.schema;
}
