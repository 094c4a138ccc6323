import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { addon } from "../engine/addon.js";
import type { Tensor } from "./tensor.js";

/**
 * Who frees a tensor: the scope it was made in (`tidy`, a training step), `dispose()`, or, for all others, the garbage
 * collector. JavaScript runs finalizers only between tasks, so a synchronous loop would never free anything; instead
 * the engine holds weak references, and when enough has been allocated (`native/binding/tensorTable.cc` says how much)
 * a minor collection is forced and the tensors whose objects are gone are swept.
 */
export const care: { scope: Tensor[] | null } = { scope: null };

let dueFlag: Int32Array | undefined;

/** Memory shared with the engine: its one element is 1 when {@link collectYoung} should run. */
export function collectionDue(): Int32Array {
  dueFlag ??= new Int32Array(addon().collectionDue());
  return dueFlag;
}

type Collector = (options?: { type: "minor" }) => void;
let collector: Collector | undefined;

function garbageCollector(): Collector {
  if (!collector) {
    setFlagsFromString("--expose-gc");
    collector = runInNewContext("gc") as Collector;
  }
  return collector;
}

/** The scopes that code is in, the innermost last. */
let scopes: Tensor[][] = [];

/** Hands what terminated code made in its scopes to the garbage collector. */
export function leaveScopes(): void {
  const left = scopes;
  scopes = [];
  care.scope = null;
  for (const made of left) for (const tensor of made) if (!tensor.disposed) track(tensor);
}

/** Frees tensors that nothing refers to any more. Happens by itself; call it to see true memory figures. */
export function collectGarbage(): void {
  garbageCollector()();
  addon().sweep(true);
}

export function collectYoung(): void {
  garbageCollector()({ type: "minor" });
  // A minor collection misses what has survived two of them.
  if (addon().sweep(false)) collectGarbage();
}

/** Puts a new tensor into the care of the innermost scope, or of the garbage collector. */
export function adopt(tensor: Tensor): void {
  if (care.scope !== null) care.scope.push(tensor);
  else track(tensor);
}

function track(tensor: Tensor): void {
  addon().track(tensor, tensor.handle);
  if (collectionDue()[0] !== 0) collectYoung();
}

/**
 * Lets a tensor outlive the scopes it was made in; the garbage collector frees it.
 * @returns the tensor
 */
export function keep<T extends Tensor>(tensor: T): T {
  tensor.kept = true;
  return tensor;
}

/**
 * Runs `body` and frees the tensors made in it, except those it returns (also inside arrays, maps, sets and plain
 * objects), those given to {@link keep}, and what autograd still needs.
 * @throws TypeError when `body` is asynchronous: its tensors would be freed while it still runs.
 */
export function tidy<T>(body: () => T): T {
  const outer = care.scope;
  const made: Tensor[] = [];
  scopes.push(made);
  care.scope = made;
  let result: T;
  try {
    result = body();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new TypeError("tidy: expected a synchronous function, got one that returns a promise");
    }
  } catch (error) {
    leave(made, outer, new Set());
    throw error;
  }
  care.scope = outer;
  const returned = new Set<unknown>();
  collectTensors(result, returned, 0);
  leave(made, outer, returned);
  return result;
}

/** The scope stays known until it is empty: code that is terminated in here leaves the rest to {@link leaveScopes}. */
function leave(made: Tensor[], outer: Tensor[] | null, returned: Set<unknown>): void {
  care.scope = outer;
  for (let tensor = made.pop(); tensor; tensor = made.pop()) {
    if (tensor.disposed) continue;
    if (tensor.kept) track(tensor);
    else if (returned.has(tensor)) adopt(tensor);
    else tensor.dispose();
  }
  scopes.pop();
}

const maxDepth = 8;

function collectTensors(value: unknown, into: Set<unknown>, depth: number): void {
  if (value === null || typeof value !== "object" || depth > maxDepth || into.has(value)) return;
  into.add(value);
  if ("handle" in value) return;
  if (Array.isArray(value) || value instanceof Set) {
    for (const element of value) collectTensors(element, into, depth + 1);
  } else if (value instanceof Map) {
    for (const element of value.values()) collectTensors(element, into, depth + 1);
  } else if (!ArrayBuffer.isView(value)) {
    for (const element of Object.values(value)) collectTensors(element, into, depth + 1);
  }
}

/** Tensors alive in this process and the bytes of their memory. */
export function memoryUsage(): { tensors: number; bytes: number } {
  return addon().usage();
}
