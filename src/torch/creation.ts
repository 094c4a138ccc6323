import { addon } from "../engine/addon.js";
import { type DType, dtypeFacts, dtypeOfArray, type TypedArray } from "./dtype.js";
import { type Device, operator, type Scalar, wrap } from "./operator.js";
import { type NestedNumbers, type ShareOptions, Tensor, tensorOverBuffer } from "./tensor.js";

export interface TensorOptions {
  /** Default: float32 for numbers, int64 for bigints, bool for booleans; a typed array's own. */
  dtype?: DType;
  /** Default "cpu". */
  device?: Device;
  /** Collects a gradient in backward passes. Default false. */
  requiresGrad?: boolean;
}

/**
 * A tensor with a copy of the values: a number, nested arrays of equal lengths, or a typed array (one dimension).
 * Unlike Python, where 1 and 1.0 differ, numbers make float32 unless `dtype` says otherwise.
 * @throws TypeError for ragged arrays and for elements that are no numbers, with their position
 */
export function tensor(data: NestedNumbers | TypedArray | Tensor, options: TensorOptions = {}): Tensor {
  let result: Tensor;
  if (data instanceof Tensor) {
    result = data.detach().clone();
    if (options.dtype) result = result.to(options.dtype);
  } else if (ArrayBuffer.isView(data)) {
    const own = dtypeOfArray(data) ?? options.dtype;
    result = fromTypedArray(data.slice() as TypedArray, [data.length], own ? { dtype: own } : {});
    if (options.dtype && options.dtype !== own) result = result.to(options.dtype);
  } else {
    result = fromNested(data, options.dtype);
  }
  if (options.device && options.device !== "cpu") result = result.to({ device: options.device });
  if (options.requiresGrad) result.requiresGrad = true;
  return result;
}

function fromNested(data: NestedNumbers, dtype: DType | undefined): Tensor {
  const shape: number[] = [];
  for (let level: NestedNumbers = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | boolean | bigint)[] = [];
  flatten(data, shape, [], flat);
  const first = flat[0];
  const natural: DType =
    typeof first === "boolean" ? "bool" : typeof first === "bigint" ? "int64" : "float32";
  const wanted = dtype ?? natural;
  // Half precision has no typed array: its values go through float32.
  const direct: DType = wanted === "float16" || wanted === "bfloat16" ? "float32" : wanted;
  const array = new dtypeFacts[direct].array(flat.length);
  if (array instanceof BigInt64Array) for (const [at, value] of flat.entries()) array[at] = BigInt(value);
  else for (const [at, value] of flat.entries()) array[at] = Number(value);
  const made = tensorOverBuffer(array, 0, shape, direct);
  return direct === wanted ? made : made.to(wanted);
}

function flatten(
  data: NestedNumbers,
  shape: number[],
  path: number[],
  into: (number | boolean | bigint)[],
): void {
  const depth = path.length;
  if (depth === shape.length) {
    if (typeof data !== "number" && typeof data !== "boolean" && typeof data !== "bigint") {
      throw new TypeError(`tensor: expected a number at [${path.join("][")}], got ${describe(data)}`);
    }
    into.push(data);
    return;
  }
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    throw new TypeError(
      `tensor: expected an array of length ${shape[depth]} at [${path.join("][")}] as its neighbours have, got ${describe(data)}`,
    );
  }
  for (const [at, element] of data.entries()) {
    path.push(at);
    flatten(element, shape, path, into);
    path.pop();
  }
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  return value === null ? "null" : typeof value;
}

export interface FromTypedArrayOptions extends ShareOptions {
  /** Needed for Uint16Array, whose elements may be float16 or bfloat16 bits; `"bool"` for a Uint8Array of 0 and 1. */
  dtype?: DType;
}

/**
 * A tensor over the memory of a typed array: no copy, writes are seen on both sides. The array is kept alive; it must
 * not be transferred to another thread.
 * @param shape default one dimension
 * @throws TypeError when the array's elements are not of the dtype
 */
export function fromTypedArray(
  array: TypedArray,
  shape: readonly number[] = [array.length],
  options: FromTypedArrayOptions = {},
): Tensor {
  const natural = dtypeOfArray(array);
  const dtype = options.dtype ?? natural;
  if (!dtype) {
    throw new TypeError(
      `fromTypedArray: a ${array.constructor.name} has no dtype of its own; pass { dtype: "float16" } or { dtype: "bfloat16" }`,
    );
  }
  if (dtypeFacts[dtype].array.name !== array.constructor.name && !(array instanceof Uint8ClampedArray)) {
    throw new TypeError(
      `fromTypedArray: ${dtype} needs a ${dtypeFacts[dtype].array.name}, got a ${array.constructor.name}; ` +
        "convert with torch.tensor(array).to(dtype)",
    );
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements !== array.length) {
    throw new TypeError(
      `fromTypedArray: shape [${shape.join(", ")}] has ${elements} elements, the array ${array.length}`,
    );
  }
  const source = options.copy ? (array.slice() as TypedArray) : array;
  return tensorOverBuffer(source, 0, shape, dtype);
}

const fullOperator = operator("aten::full");

/** A tensor of equal values. Like {@link tensor}, numbers make float32 unless `dtype` says otherwise. */
export function full(size: readonly number[], fillValue: Scalar, options: TensorOptions = {}): Tensor {
  const natural: DType =
    typeof fillValue === "boolean" ? "bool" : typeof fillValue === "bigint" ? "int64" : "float32";
  const { dtype = natural, device, requiresGrad = false } = options;
  return (fullOperator(size, fillValue, { dtype, device }) as Tensor).requiresGrad_(requiresGrad);
}

/** Seeds the random numbers of every device. */
export function manualSeed(seed: number): void {
  addon().manualSeed(seed);
}

/** State of a device's generator, uint8, for {@link setRngState}. */
export function getRngState(device: Device = "cpu"): Tensor {
  return wrap(addon().randomState(device));
}

/** Puts a device's generator where it was: what is drawn next is what was drawn after {@link getRngState}. */
export function setRngState(state: Tensor, device: Device = "cpu"): void {
  addon().setRandomState(device, state.handle);
}

/** Threads an operator uses on the CPU. Default: the number of cores. */
export function setThreads(count: number): void {
  addon().setThreads(count);
}
