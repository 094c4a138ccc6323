import { inspect } from "node:util";
import type { DisplayData, MimeBundle } from "../../src/host.js";

const displayKey = Symbol.for("Jupyter.display");

export interface ShownValue {
  data: MimeBundle;
  metadata: Record<string, unknown>;
}

function asShown(given: MimeBundle | DisplayData): ShownValue {
  // Keys of a bundle are mime types, so a `data` that is an object can only be the wider shape.
  if (typeof given.data === "object" && given.data !== null) {
    return { data: given.data as MimeBundle, metadata: (given as DisplayData).metadata ?? {} };
  }
  return { data: given as MimeBundle, metadata: {} };
}

/** How a value wants to be shown, or how Node prints it; a promise only if its own method returns one. */
export function shownValue(value: any): ShownValue | Promise<ShownValue> {
  const method = value === null || value === undefined ? undefined : value[displayKey];
  if (typeof method !== "function") return asText(value);
  const given = method.call(value);
  if (typeof given?.then === "function") {
    return Promise.resolve(given).then((bundle) => (bundle ? asShown(bundle) : asText(value)));
  }
  return given ? asShown(given) : asText(value);
}

function asText(value: unknown): ShownValue {
  return { data: { "text/plain": inspect(value) }, metadata: {} };
}
