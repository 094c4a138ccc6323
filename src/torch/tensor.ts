import { inspect } from "node:util";
import type { ArrowVector } from "../arrow/arrowObjects.js";
import { toArrow } from "../arrow/toArrow.js";
import { addon, type Handle } from "../engine/addon.js";
import { displaySymbol, type MimeBundle, summarySymbol, type ValueSummary } from "../host.js";
import { type DType, dtypeCode, dtypeFacts, dtypeName, type TypedArray } from "./dtype.js";
import { formatTensor } from "./format.js";
import { type Device, type MemoryFormat, operatorOverload, wrap, wrapOptional } from "./operator.js";
import type { TensorMethods } from "./operators.generated.js";

export interface ToOptions {
  dtype?: DType;
  device?: Device;
  /** Copies even when nothing changes. Default false. */
  copy?: boolean;
  /** Does not wait for a copy between host and device. Default false. */
  nonBlocking?: boolean;
  memoryFormat?: MemoryFormat;
}

export interface ShareOptions {
  /** Copies where sharing is not possible (or wanted). Default false: sharing or an error. */
  copy?: boolean;
}

export type NestedNumbers = number | boolean | bigint | NestedNumbers[];

// The operators of PyTorch that take `self` are methods, too; they are put on the prototype by `methods.ts`.
export interface Tensor extends TensorMethods {}

/**
 * An n-dimensional array in the engine. The object itself is small; its memory is freed by the `tidy` or training
 * step it was made in, by `dispose()`, or after the garbage collector has found it unused.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface declares what methods.ts adds
export class Tensor {
  /** Names the tensor in the engine; -1 once disposed. */
  handle: Handle;
  /** Outlives the scopes it is in; set by `keep()`. */
  kept = false;
  private cachedShape: readonly number[] | undefined;

  /** For the engine's results only; tensors are made by `torch.tensor`, `torch.zeros` and the like. */
  constructor(handle: Handle) {
    this.handle = handle;
  }

  get disposed(): boolean {
    return this.handle < 0;
  }

  /** Frees the handle now. The memory goes with its last view. Using the tensor afterwards is an error. */
  dispose(): void {
    if (this.handle < 0) return;
    addon().release(this.handle);
    this.handle = -1;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Sizes of the dimensions. */
  get shape(): readonly number[] {
    this.cachedShape ??= Object.freeze(addon().sizes(this.handle));
    return this.cachedShape;
  }

  /** Called after an in-place operator, some of which (`squeeze_`, `t_`) change the shape. */
  forgetShape(): void {
    this.cachedShape = undefined;
  }

  /** Steps between neighbours in each dimension, in elements. */
  get strides(): readonly number[] {
    return addon().strides(this.handle);
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get numel(): number {
    let product = 1;
    for (const size of this.shape) product *= size;
    return product;
  }

  /** Bytes of the elements. */
  get nbytes(): number {
    return this.numel * dtypeFacts[this.dtype].bytes;
  }

  get dtype(): DType {
    return dtypeName(addon().dtype(this.handle));
  }

  get device(): Device {
    return addon().device(this.handle);
  }

  /** Elements before the first one in the storage. */
  get storageOffset(): number {
    return addon().storageOffset(this.handle);
  }

  /** Address of the storage: equal for tensors that share memory. */
  get storagePointer(): bigint {
    return addon().storagePointer(this.handle);
  }

  get requiresGrad(): boolean {
    return addon().requiresGradient(this.handle);
  }

  set requiresGrad(value: boolean) {
    addon().setRequiresGradient(this.handle, value);
  }

  /** As the property, for chains. */
  requiresGrad_(value = true): this {
    this.requiresGrad = value;
    return this;
  }

  /** True for tensors that no operator with history made: the ones that collect `grad`. */
  get isLeaf(): boolean {
    return addon().isLeaf(this.handle);
  }

  /** What backward passes have added up, or null. */
  get grad(): Tensor | null {
    return wrapOptional(addon().gradient(this.handle));
  }

  set grad(value: Tensor | null) {
    addon().setGradient(this.handle, value === null ? null : value.handle);
  }

  /** Name of the autograd node that made the tensor, or null. */
  get gradFn(): string | null {
    return addon().gradientFunction(this.handle);
  }

  /** Replaces the memory by that of `other`, as PyTorch's `x.data = other`: no history is recorded. */
  setData(other: Tensor): void {
    addon().setData(this.handle, other.handle);
    this.forgetShape();
  }

  /**
   * Adds the gradients of this tensor to the `grad` of the leaves it was made from.
   * @param gradient gradient of this tensor; may be left out for a single element
   */
  backward(
    gradient?: Tensor,
    options: { retainGraph?: boolean; createGraph?: boolean; inputs?: Tensor[] } = {},
  ): void {
    const { createGraph = false, retainGraph = createGraph, inputs } = options;
    addon().backward(
      [this.handle],
      gradient ? [gradient.handle] : null,
      retainGraph,
      createGraph,
      inputs ? inputs.map((input) => input.handle) : null,
    );
  }

  /** The same values as another dtype and/or on another device; itself when nothing changes. */
  to(target: DType | ToOptions | Device): Tensor {
    const options: ToOptions =
      typeof target !== "string"
        ? target
        : target in dtypeFacts
          ? { dtype: target as DType }
          : { device: target };
    const { dtype, device, copy = false, nonBlocking = false, memoryFormat } = options;
    return toDtypeLayout(this, {
      dtype: dtype ?? this.dtype,
      device: device ?? this.device,
      copy,
      nonBlocking,
      memoryFormat,
    }) as Tensor;
  }

  float(): Tensor {
    return this.to("float32");
  }

  double(): Tensor {
    return this.to("float64");
  }

  bfloat16(): Tensor {
    return this.to("bfloat16");
  }

  long(): Tensor {
    return this.to("int64");
  }

  cpu(): Tensor {
    return this.to({ device: "cpu" });
  }

  cuda(index = 0): Tensor {
    return this.to({ device: `cuda:${index}` });
  }

  /**
   * The one element as a number (int64 beyond 2^53 as bigint, bool as boolean).
   * @throws TorchError when there is not exactly one element
   */
  item(): number {
    return itemOperator(this) as number;
  }

  /**
   * The elements in row-major order, as the typed array of the dtype: float16 and bfloat16 as their bits, int64 as
   * BigInt64Array. Shares memory with the tensor: writes are seen on both sides.
   * @throws Error when the layout does not permit sharing and `copy` is not set
   */
  asTypedArray(options: ShareOptions = {}): TypedArray {
    const facts = dtypeFacts[this.dtype];
    if (options.copy) {
      const array = new facts.array(this.numel);
      addon().copyTo(this.handle, array);
      return array;
    }
    return new facts.array(addon().toBuffer(this.handle));
  }

  /**
   * The elements as an Arrow vector over the tensor's memory: writes are seen on both sides. Its length is the first
   * dimension; further dimensions are a fixed-size list, permuted ones that fill their memory included. float16 is
   * Arrow's half float, bfloat16 its bits as uint16, bool one byte each as int8 (the storage of `arrow.bool8`; with
   * `copy` Arrow's bit-packed Bool); no dimensions make a vector of length 1. `torch.fromArrow` gives the same tensor
   * back. Vectors carry no metadata: to hand shapes and bfloat16 to other programs use `torch.toArrowTable`.
   * @typeParam Vector give `arrow.Vector` to use the result with apache-arrow's own functions
   * @throws Error when the layout or device does not permit sharing and `copy` is not set
   */
  toArrow<Vector extends ArrowVector = ArrowVector>(options: ShareOptions = {}): Vector {
    return toArrow(this, options) as Vector;
  }

  /**
   * The elements as nested arrays of numbers, or the number itself for no dimensions. The depth is known only at run
   * time; name the type where it matters: `x.toArray<number[][]>()`.
   */
  toArray<T = any>(): T {
    const dtype = this.dtype;
    const plain = dtype === "float16" || dtype === "bfloat16" ? this.float() : this;
    const flat = plain.asTypedArray({ copy: true });
    if (plain !== this) plain.dispose();
    const shape = this.shape;
    let at = 0;
    const build = (depth: number): NestedNumbers => {
      if (depth === shape.length) {
        const value = flat[at++];
        if (dtype === "bool") return value !== 0;
        if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
        return value;
      }
      return Array.from({ length: shape[depth] }, () => build(depth + 1));
    };
    return build(0) as T;
  }

  toString(): string {
    return this.disposed ? "Tensor (disposed)" : formatTensor(this);
  }

  [inspect.custom](): string {
    return this.toString();
  }

  [displaySymbol](): MimeBundle {
    return { "text/plain": this.toString() };
  }

  [summarySymbol](): ValueSummary {
    if (this.disposed) return { text: "disposed" };
    const { dtype, device } = this;
    // Not through `shape`, which remembers it.
    const shape = addon().sizes(this.handle);
    const bytes = shape.reduce((product, size) => product * size, dtypeFacts[dtype].bytes);
    return { text: `[${shape.join(", ")}] ${dtype} ${device}`, tensor: { shape, dtype, device, bytes } };
  }
}

const toDtypeLayout = operatorOverload("aten::to", "dtype_layout");
const itemOperator = operatorOverload("aten::item", "");

/** A tensor over the memory of a buffer; see `torch.fromTypedArray`. */
export function tensorOverBuffer(
  buffer: ArrayBufferLike | ArrayBufferView,
  byteOffset: number,
  shape: readonly number[],
  dtype: DType,
): Tensor {
  return wrap(addon().fromBuffer(buffer, byteOffset, shape, dtypeCode(dtype)));
}
