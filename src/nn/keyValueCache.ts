import { keep } from "../torch/lifetime.js";
import { empty } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";

/** Keys and values of the positions that one attention layer has seen, so that decoding computes only new ones. */
export class KeyValueCache {
  /** Positions held. */
  length = 0;
  private keys: Tensor | undefined;
  private values: Tensor | undefined;

  /** @param capacity positions there is room for */
  constructor(readonly capacity: number) {}

  /**
   * Adds new positions; both [batch, kvHeads, new positions, headDim].
   * @returns all positions so far, views of the cache
   */
  append(keys: Tensor, values: Tensor): { keys: Tensor; values: Tensor } {
    const [batch, heads, count, headDim] = keys.shape;
    const end = this.length + count;
    if (end > this.capacity) {
      throw new RangeError(`KeyValueCache: room for ${this.capacity} positions, got position ${end}`);
    }
    const make = () =>
      keep(empty([batch, heads, this.capacity, headDim], { dtype: keys.dtype, device: keys.device }));
    this.keys ??= make();
    this.values ??= make();
    this.keys.narrow(2, this.length, count).copy_(keys);
    this.values.narrow(2, this.length, count).copy_(values);
    this.length = end;
    return { keys: this.keys.narrow(2, 0, end), values: this.values.narrow(2, 0, end) };
  }

  dispose(): void {
    this.keys?.dispose();
    this.values?.dispose();
    this.keys = undefined;
    this.values = undefined;
    this.length = 0;
  }
}
