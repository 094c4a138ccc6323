import type { CellError } from "./events.js";

/** A fault of the kernel itself, shown as a cell's error. */
export function kernelFault(thrown: unknown): CellError {
  const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { name, message, traceback: (stack ?? `${name}: ${message}`).split("\n") };
}
