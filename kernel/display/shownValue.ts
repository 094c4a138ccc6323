import { isProxy } from "node:util/types";
import type { DisplayData, MimeBundle } from "../../src/host.js";
import { arrowTable, arrowVector } from "./arrowTable.js";
import { chart } from "./chart.js";
import { imageBytes } from "./imageBytes.js";
import { inspected } from "./inspected.js";
import { canvas, element } from "./markup.js";
import { asShown } from "./mimeBundle.js";
import { excerptOf, type Table, type TableLimits } from "./table.js";
import { tableMarkdown } from "./tableMarkdown.js";
import { tableText } from "./tableText.js";

/** What a front end is given of a value. */
export interface ShownValue {
  data: MimeBundle;
  metadata: Record<string, unknown>;
}

const displayKey = Symbol.for("Jupyter.display");

/**
 * How a value wants to be shown, how values of its kind are shown, or how Node prints it; a promise only if its own
 * method returns one.
 *
 * @throws what the value's own method throws, and TypeError when what it gives is no mime bundle
 */
export function shownValue(value: any): ShownValue | Promise<ShownValue> {
  const method = displayMethod(value);
  if (!method) return byKind(value) ?? asText(value);
  const given: unknown = method.call(value);
  if (typeof (given as any)?.then === "function") {
    return Promise.resolve(given).then((bundle) => ownBundle(value, bundle));
  }
  return ownBundle(value, given);
}

export function shownTable(table: Table, limits?: TableLimits): ShownValue {
  const excerpt = excerptOf(table, limits);
  return {
    data: { "text/markdown": tableMarkdown(excerpt), "text/plain": tableText(excerpt) },
    metadata: {},
  };
}

function ownBundle(value: unknown, given: unknown): ShownValue {
  if (!given) return byKind(value) ?? asText(value);
  return asShown(given as MimeBundle | DisplayData, 'What [Symbol.for("Jupyter.display")]() returned');
}

function displayMethod(value: any): ((this: unknown) => unknown) | undefined {
  try {
    const method = value?.[displayKey];
    return typeof method === "function" ? method : undefined;
  } catch {
    // A proxy, or a getter, that knows nothing of this name.
    return undefined;
  }
}

/** Kinds of values that have a better form than text, recognised by their shape. */
function byKind(value: any): ShownValue | undefined {
  if (typeof value !== "object" || value === null || isProxy(value)) return undefined;
  try {
    if (value instanceof Uint8Array) return imageBytes(value);
    const table = arrowTable(value) ?? arrowVector(value);
    if (table) return shownTable(table);
    return chart(value) ?? element(value) ?? canvas(value);
  } catch {
    // It only looked like one.
    return undefined;
  }
}

function asText(value: unknown): ShownValue {
  return { data: { "text/plain": inspected(value) }, metadata: {} };
}
