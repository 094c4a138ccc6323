import { dtypeFacts } from "../torch/dtype.js";
import { tidy } from "../torch/lifetime.js";
import type { Tensor } from "../torch/tensor.js";
import type { Write } from "./atomicFile.js";

const windowBytes = 64 * 2 ** 20;

/**
 * Writes a tensor's elements in row-major order, in windows: what lies on another device never needs a second whole copy
 * in memory, and no window exceeds what JavaScript may address.
 */
export function writeElements(write: Write, tensor: Tensor): void {
  if (tensor.numel === 0) return;
  tidy(() => {
    const flat = tensor.detach().contiguous().view([-1]);
    const step = windowBytes / dtypeFacts[tensor.dtype].bytes;
    for (let start = 0; start < tensor.numel; start += step) {
      tidy(() => {
        const window = flat.narrow(0, start, Math.min(step, tensor.numel - start)).cpu();
        const { buffer, byteOffset, byteLength } = window.asTypedArray();
        write(new Uint8Array(buffer, byteOffset, byteLength));
      });
    }
  });
}
