import { inspect } from "node:util";
import { isProxy } from "node:util/types";
import { count } from "./table.js";

/** Properties and items that are printed for one value, over all depths. */
const mostParts = 5000;
/** Longest text of one value, in UTF-16 units. */
const longest = 100_000;
/** Properties of one object that are printed when it has too many. */
const mostProperties = 40;
const mostItems = 100;

/**
 * Any value as text, the way Node prints it, and never more than a front end can show: deep or wide values are
 * printed less deep, and what is left out is said.
 */
export function inspected(value: unknown): string {
  try {
    const { shown, note } = fewer(value);
    return cut(inspect(shown, affordableExtent(shown)) + note);
  } catch (fault) {
    // Its own inspection method failed.
    const reason = fault instanceof Error ? `${fault.name}: ${fault.message}` : "something that is no error";
    return cut(`${plainly(value)}\n(printing it failed with ${reason})`);
  }
}

function plainly(value: unknown): string {
  try {
    return inspect(value, { customInspect: false, depth: 1, maxArrayLength: mostItems });
  } catch {
    return `[${typeof value}]`;
  }
}

function cut(text: string): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest)}\n… ${count(text.length - longest, "more character")}`;
}

/** An object with too many properties as one with the first of them. */
function fewer(value: unknown): { shown: unknown; note: string } {
  const whole = { shown: value, note: "" };
  if (typeof value !== "object" || value === null || isProxy(value) || !isPlain(value)) return whole;
  const names = Object.keys(value);
  if (names.length <= mostParts) return whole;
  const shown = Object.create(Object.getPrototypeOf(value));
  for (const name of names.slice(0, mostProperties)) {
    Object.defineProperty(shown, name, Object.getOwnPropertyDescriptor(value, name)!);
  }
  return { shown, note: `\n… ${count(names.length - mostProperties, "more property", "more properties")}` };
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Depth and items of each list, from Node's own downwards. */
const extents = [
  [2, mostItems],
  [2, 20],
  [2, 6],
  [1, mostItems],
  [1, 20],
  [1, 6],
] as const;

/** How deep and wide a value is printed so that it has few enough parts. */
function affordableExtent(value: unknown): { depth: number; maxArrayLength: number } {
  const found = extents.find(([depth, items]) => parts(value, depth, items, mostParts) <= mostParts);
  const [depth, maxArrayLength] = found ?? [0, mostItems];
  return { depth, maxArrayLength };
}

/** How many parts are printed to a depth; stops counting beyond `most`. Runs no code of the value. */
function parts(value: unknown, depth: number, items: number, most: number): number {
  if (typeof value !== "object" || value === null || isProxy(value)) return 1;
  if (ArrayBuffer.isView(value)) return 1;
  let total = 1;
  const add = (each: unknown) => {
    total += depth > 0 ? parts(each, depth - 1, items, most - total) : 1;
    return total <= most;
  };
  if (value instanceof Map || value instanceof Set) {
    let seen = 0;
    for (const each of (value instanceof Map ? Map : Set).prototype.values.call(value as any)) {
      if (seen++ >= items || !add(each)) return total;
    }
  }
  const names = Array.isArray(value) ? [...Array(Math.min(value.length, items)).keys()] : Object.keys(value);
  if (names.length > most) return total + names.length;
  for (const name of names) {
    if (!add(Object.getOwnPropertyDescriptor(value, name)?.value)) return total;
  }
  return total;
}
