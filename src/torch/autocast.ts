import { addon } from "../engine/addon.js";
import { type DType, dtypeCode } from "./dtype.js";
import type { Device } from "./operator.js";

export interface AutocastOptions {
  /** Where the operators run. Default "cpu". */
  device?: Device;
}

/**
 * Runs `body` in mixed precision, as PyTorch's `torch.autocast`: matrix products, convolutions and attention compute
 * in `dtype`, operators that need range (losses, norms, sums of logarithms) in float32; parameters stay as they are.
 * Call backward outside of it.
 * @param dtype "bfloat16", or "float16" on a GPU (its gradients need scaling)
 */
export function autocast<T>(dtype: DType, body: () => T, { device = "cpu" }: AutocastOptions = {}): T {
  if (dtype !== "bfloat16" && dtype !== "float16") {
    throw new TypeError(`autocast: dtype should be "bfloat16" or "float16", got ${JSON.stringify(dtype)}`);
  }
  const engine = addon();
  const previous = engine.setAutocast(device, dtypeCode(dtype));
  try {
    const result = body();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new TypeError("autocast: expected a synchronous function; the mode cannot follow a promise");
    }
    return result;
  } finally {
    engine.setAutocast(device, previous);
  }
}
