import type { Tensor } from "../torch/tensor.js";

/** Where moelab has kernels of its own for what surrounds the experts; anywhere else PyTorch's operators do the same. */
export function hasKernel({ device, dtype }: Tensor): boolean {
  return device === "cpu" && (dtype === "float32" || dtype === "bfloat16");
}
