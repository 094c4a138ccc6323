import { describeValue } from "../nn/options.js";

/** @throws TypeError unless `value` is of that type */
export function checkType(owner: string, name: string, value: unknown, type: "boolean" | "string"): void {
  if (typeof value === type) return;
  throw new TypeError(`${owner}: ${name} must be a ${type}, got ${describeValue(value)}`);
}
