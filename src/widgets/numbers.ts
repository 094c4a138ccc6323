import { checkReal, describeValue } from "../nn/options.js";

interface Bounds {
  min: number;
  max: number;
}

/** @throws TypeError unless `value` is a whole number */
export function checkWhole(owner: string, name: string, value: unknown): void {
  if (Number.isSafeInteger(value)) return;
  throw new TypeError(`${owner}: ${name} must be a whole number, got ${describeValue(value)}`);
}

/** @throws RangeError for bounds that have nothing between them, or a step that leads nowhere */
export function checkBounds(owner: string, { min, max, step = 1 }: Bounds & { step?: number }): void {
  checkReal(owner, "min", min);
  checkReal(owner, "max", max, { min });
  checkReal(owner, "step", step, { above: 0 });
}

/** @throws RangeError for what is no number */
export function inBounds(owner: string, value: unknown, { min, max }: Bounds): number {
  return Math.min(max, Math.max(min, checkReal(owner, "value", value)));
}
