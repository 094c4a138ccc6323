/**
 * The state of a widget as it travels: names in snake_case, references to other widgets as text, and binary values
 * beside the JSON, each under its path in it.
 */

/** Path of names and positions to a value inside a state. */
export type BufferPath = (string | number)[];

export interface WireState {
  state: Record<string, unknown>;
  bufferPaths: BufferPath[];
  buffers: Uint8Array[];
}

/** `readoutFormat` → `readout_format`. */
export function wireName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `readout_format` → `readoutFormat`; names that begin with `_` are the protocol's own. */
export function ownName(name: string): string {
  return name.replace(/(?<=.)_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Takes binary values out of a state: from objects they are removed, in arrays null stands for them. */
export function withoutBuffers(state: Record<string, unknown>): WireState {
  const bufferPaths: BufferPath[] = [];
  const buffers: Uint8Array[] = [];
  const take = (value: unknown, path: BufferPath): unknown => {
    const bytes = asBytes(value);
    if (bytes) {
      bufferPaths.push(path);
      buffers.push(bytes);
      return undefined;
    }
    if (Array.isArray(value)) return value.map((each, at) => take(each, [...path, at]) ?? null);
    if (!isPlainObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, take(each, [...path, name])]),
    );
  };
  const rest = take(state, []) as Record<string, unknown>;
  return { state: rest, bufferPaths, buffers };
}

/** Puts binary values back to their places; changes `state`. */
export function putBuffers(
  state: Record<string, unknown>,
  bufferPaths: readonly BufferPath[],
  buffers: readonly Uint8Array[],
): void {
  for (const [at, path] of bufferPaths.entries()) {
    let place: any = state;
    for (const step of path.slice(0, -1)) {
      if (!Object.hasOwn(Object(place), step)) break;
      place = place[step];
    }
    const last = path.at(-1);
    if (typeof place === "object" && place !== null && last !== undefined && last !== "__proto__") {
      place[last] = buffers[at];
    }
  }
}

function asBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
