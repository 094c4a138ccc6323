import { inspect } from "node:util";
import type { DisplayData, MimeBundle } from "../../src/host.js";
import type { ShownValue } from "./shownValue.js";

/** What a value's own method gave, as a bundle and its metadata. */
export function asShown(given: MimeBundle | DisplayData, from: string): ShownValue {
  if (typeof given === "object" && given !== null) {
    // Keys of a bundle are mime types, so a `data` that is an object can only be the wider shape.
    if (typeof given.data === "object" && given.data !== null) {
      const metadata = (given as DisplayData).metadata ?? {};
      return { data: checkedBundle(given.data, from), metadata: checkedMetadata(metadata, from) };
    }
  }
  return { data: checkedBundle(given, from), metadata: {} };
}

/**
 * A bundle as Jupyter sends it: text as strings, JSON as it is, binary data as base64, which bytes are made into.
 *
 * @param from who gave it, for the message of the error
 * @throws TypeError for what is no bundle
 */
export function checkedBundle(bundle: unknown, from: string): MimeBundle {
  if (!isRecord(bundle)) {
    throw new TypeError(
      `${from}: expected a mime bundle such as { "text/plain": "…" }, got ${described(bundle)}.`,
    );
  }
  const checked: MimeBundle = {};
  for (const [mime, data] of Object.entries(bundle)) {
    if (data === undefined) continue;
    if (!/^[^\s/]+\/[^\s/]+$/.test(mime)) {
      throw new TypeError(
        `${from}: expected mime types such as "text/html" as keys of the bundle, got "${mime}".`,
      );
    }
    checked[mime] = /[/+]json$/.test(mime) ? json(mime, data, from) : text(mime, data, from);
  }
  return checked;
}

/** @throws TypeError unless it is an object */
export function checkedMetadata(metadata: unknown, from: string): Record<string, unknown> {
  if (isRecord(metadata)) return metadata;
  throw new TypeError(`${from}: expected metadata to be an object by mime type, got ${described(metadata)}.`);
}

function text(mime: string, data: unknown, from: string): unknown {
  if (typeof data === "string") return data;
  if (Array.isArray(data) && data.every((line) => typeof line === "string")) return data.join("");
  const binary = !/^text\/|[/+]xml$|script$/.test(mime);
  if (binary && data instanceof Uint8Array) {
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  }
  // A mime type that nobody knows here may well be JSON.
  if (binary && isRecord(data)) return json(mime, data, from);
  const expected = binary ? "bytes or a base64 string" : "a string";
  throw new TypeError(`${from}: expected "${mime}" of the bundle to be ${expected}, got ${described(data)}.`);
}

function json(mime: string, data: unknown, from: string): unknown {
  try {
    JSON.stringify(data);
    return data;
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message.split("\n")[0] : String(fault);
    throw new TypeError(`${from}: expected "${mime}" of the bundle to be JSON: ${reason}.`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function described(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 3 });
}
