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
  return withMode("autocast", dtype, body, device);
}

/** Runs `body` in the dtypes of its tensors, also inside {@link autocast}; PyTorch's `autocast(enabled=False)`. */
export function withoutAutocast<T>(body: () => T, { device = "cpu" }: AutocastOptions = {}): T {
  return autocastDtype(device) === null ? body() : withMode("withoutAutocast", null, body, device);
}

/** What {@link autocast} computes in on a device just now; null outside of it. */
export function autocastDtype(device: Device = "cpu"): DType | null {
  return modes.get(deviceType(device)) ?? null;
}

/** By type of device; the engine's own mode is set here only. */
const modes = new Map<string, DType | null>();

function deviceType(device: Device): string {
  return device.split(":")[0];
}

function withMode<T>(name: string, dtype: DType | null, body: () => T, device: Device): T {
  const type = deviceType(device);
  const before = modes.get(type) ?? null;
  const engine = addon();
  const previous = engine.setAutocast(device, dtype === null ? null : dtypeCode(dtype));
  modes.set(type, dtype);
  try {
    const result = body();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new TypeError(`${name}: expected a synchronous function; the mode cannot follow a promise`);
    }
    return result;
  } finally {
    engine.setAutocast(device, previous);
    modes.set(type, before);
  }
}

/** Drops the casts of weights that an {@link autocast} has made so far; it makes them anew. */
export function forgetCasts(device: Device): void {
  const dtype = autocastDtype(device);
  if (dtype === null) return;
  addon().setAutocast(device, null);
  addon().setAutocast(device, dtypeCode(dtype));
}

/** Leaves every {@link autocast}; for code that was terminated inside one. */
export function leaveAutocast(): void {
  for (const device of modes.keys()) addon().setAutocast(device, null);
  modes.clear();
}
