/** safetensors files, mapped when read and streamed when written. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { writeAtomically } from "../files/atomicFile.js";
import { writeElements } from "../files/elements.js";
import { mapFile, mappedTensor } from "../files/mapping.js";
import { dtypeFacts } from "../torch/dtype.js";
import { keep, tidy } from "../torch/lifetime.js";
import { empty } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import {
  dtypeOf,
  type Header,
  largestHeader,
  layOut,
  parseHeader,
  type TensorEntry,
} from "./safetensorsHeader.js";

/**
 * An open safetensors file. Its tensors are views of the mapped file: nothing is read before it is used, and pages
 * come and go with the memory that is free. Writing to such a tensor changes a private copy, never the file.
 */
export class SafetensorsFile {
  readonly path: string;
  /** The file's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #entries: Map<string, TensorEntry>;
  readonly #dataStart: number;
  readonly #bytes: Tensor | undefined;

  /** @throws Error when the file is missing, cut off or not valid; it names the file and the fault */
  constructor(path: string) {
    this.path = resolve(path);
    const header = readHeader(this.path);
    this.metadata = header.metadata;
    this.#entries = new Map(header.entries.map((entry) => [entry.name, entry]));
    this.#dataStart = header.dataStart;
    const end = header.entries.at(-1)?.end ?? 0;
    if (end > 0) {
      const size = header.dataStart + end;
      // Not in the care of a scope: tensors are taken from it for as long as the file object lives.
      this.#bytes = keep(mapFile(this.path, size));
    }
  }

  /** Names of the tensors, in the order of their data. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** What the header says of a tensor; reads no data. */
  describe(name: string): { type: string; shape: readonly number[]; bytes: number } {
    const { type, shape, begin, end } = this.#entry(name);
    return { type, shape, bytes: end - begin };
  }

  /**
   * A tensor over the mapped data (a copy where a foreign file does not align it to its elements).
   * @throws Error for a name that is not in the file and for types without a dtype
   */
  tensor(name: string): Tensor {
    const entry = this.#entry(name);
    const dtype = dtypeOf(this.path, entry);
    if (entry.end === entry.begin || !this.#bytes) return empty(entry.shape, { dtype });
    const start = this.#dataStart + entry.begin;
    const bytes = this.#bytes;
    return tidy(() => {
      if (start % dtypeFacts[dtype].bytes === 0) return mappedTensor(bytes, start, entry.shape, dtype);
      return bytes
        .narrow(0, start, entry.end - entry.begin)
        .clone()
        .view(dtype)
        .view(entry.shape);
    });
  }

  /** All tensors by name. */
  tensors(): Record<string, Tensor> {
    return Object.fromEntries(this.names().map((name) => [name, this.tensor(name)]));
  }

  /** Lets go of the mapping; it ends with the last tensor taken from it. */
  close(): void {
    this.#bytes?.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #entry(name: string): TensorEntry {
    const entry = this.#entries.get(name);
    if (!entry) throw new Error(`${this.path} has no tensor "${name}"; it has ${listNames(this.names())}`);
    return entry;
  }
}

/** Opens a safetensors file, reading its header only. */
export function openSafetensors(path: string): SafetensorsFile {
  return new SafetensorsFile(path);
}

/**
 * All tensors of a safetensors file, mapped, for example for `model.loadStateDict(weights.loadSafetensors(path))`.
 * @throws Error as {@link SafetensorsFile}
 */
export function loadSafetensors(path: string): Record<string, Tensor> {
  const file = new SafetensorsFile(path);
  const tensors = file.tensors();
  file.close();
  return tensors;
}

export interface SaveOptions {
  /** The file's `__metadata__`: texts by name. */
  metadata?: Record<string, string>;
}

/**
 * Writes tensors to a safetensors file, straight from their memory, under a temporary name first. The format has no
 * way to say that two names are one tensor: tied tensors are written once per name, which restores either.
 * Data begins at a multiple of 64 bytes, and so does every tensor whose size is one.
 */
export function saveSafetensors(
  path: string,
  tensors: Record<string, Tensor>,
  { metadata = {} }: SaveOptions = {},
): void {
  if ("__metadata__" in tensors)
    throw new Error('saveSafetensors: "__metadata__" cannot name a tensor in this format');
  const described = Object.entries(tensors).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const { prefix, order } = layOut(described, metadata);
  writeAtomically(resolve(path), (write) => {
    write(prefix);
    for (const name of order) writeElements(write, tensors[name]);
  });
}

function readHeader(path: string): Header {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Error(`there is no file ${path}`);
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const refuse = (why: string) => new Error(`${path} is not a valid safetensors file: ${why}`);
    if (size < 8) throw refuse(`it has ${size} bytes, a header needs at least 8`);
    const lengthField = Buffer.alloc(8);
    readSync(file, lengthField, 0, 8, 0);
    const length = lengthField.readBigUInt64LE();
    if (length > BigInt(largestHeader)) throw refuse(`its header would have ${length} bytes`);
    const headerBytes = Number(length);
    if (8 + headerBytes > size) throw refuse(`its header has ${headerBytes} bytes, the whole file ${size}`);
    const json = Buffer.alloc(headerBytes);
    readSync(file, json, 0, headerBytes, 8);
    return parseHeader(path, json, size - 8 - headerBytes);
  } finally {
    closeSync(file);
  }
}

function listNames(names: string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown || "none";
}
