import type { DType } from "../torch/dtype.js";

/** One tensor of a safetensors file. */
export interface TensorEntry {
  name: string;
  /** As in the file, for example "BF16". */
  type: string;
  shape: number[];
  /** Bytes from the end of the header. */
  begin: number;
  end: number;
}

export interface Header {
  /** Bytes before the data, the length field included. */
  dataStart: number;
  /** In the order of the data. */
  entries: TensorEntry[];
  metadata: Record<string, string>;
}

/** Bytes per element of every type of the format. */
const typeBytes: Record<string, number> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

export const typeOfDType: Record<DType, string> = {
  bool: "BOOL",
  uint8: "U8",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  float16: "F16",
  bfloat16: "BF16",
  float32: "F32",
  float64: "F64",
};

const dtypeOfType = new Map(Object.entries(typeOfDType).map(([dtype, type]) => [type, dtype as DType]));

/** @throws Error for types of the format that the engine has no tensors of (F8, unsigned beyond 8 bits) */
export function dtypeOf(file: string, { name, type }: TensorEntry): DType {
  const dtype = dtypeOfType.get(type);
  if (!dtype) {
    throw new Error(
      `${file}: tensor "${name}" is of type ${type}; readable are ${[...dtypeOfType.keys()].join(", ")}`,
    );
  }
  return dtype;
}

/** The limit of the format's own reader: more is an attack, not a header. */
export const largestHeader = 100_000_000;

/**
 * Reads and checks a header: https://huggingface.co/docs/safetensors. The entries cover the data without gaps or
 * overlaps, or the file is refused.
 * @param json the header without its length field
 * @param dataBytes bytes of the file after the header
 */
export function parseHeader(file: string, json: Uint8Array, dataBytes: number): Header {
  const refuse = (why: string): never => {
    throw new Error(`${file} is not a valid safetensors file: ${why}`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (error) {
    return refuse(`its header is no JSON (${(error as Error).message})`);
  }
  if (!isRecord(parsed)) return refuse("its header is no JSON object");

  const metadata: Record<string, string> = {};
  const entries: TensorEntry[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") {
      if (!isRecord(value)) refuse("__metadata__ is no object");
      for (const [key, text] of Object.entries(value as Record<string, unknown>)) {
        if (typeof text !== "string") refuse(`__metadata__.${key} is no string`);
        metadata[key] = text as string;
      }
    } else {
      entries.push(parseEntry(name, value, refuse));
    }
  }

  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin < covered)
      refuse(`the data of tensor "${name}" begins at ${begin}, within the tensor before it`);
    if (begin > covered) refuse(`no tensor owns bytes ${covered} to ${begin} of the data`);
    covered = end;
  }
  if (covered > dataBytes) {
    refuse(
      `its tensors need ${covered} bytes of data, it has ${dataBytes}: it is cut off, download it again`,
    );
  }
  if (covered < dataBytes) refuse(`${dataBytes - covered} bytes follow the last tensor`);
  return { dataStart: 8 + json.length, entries, metadata };
}

function parseEntry(name: string, value: unknown, refuse: (why: string) => never): TensorEntry {
  const quoted = JSON.stringify(name);
  if (!isRecord(value)) return refuse(`the entry of tensor ${quoted} is no object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const bytes = typeof dtype === "string" && Object.hasOwn(typeBytes, dtype) ? typeBytes[dtype] : undefined;
  if (bytes === undefined) return refuse(`tensor ${quoted} has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isSize))
    return refuse(`tensor ${quoted} has the shape ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[0] > offsets[1]) {
    return refuse(`tensor ${quoted} has the data_offsets ${JSON.stringify(offsets)}`);
  }
  const needed = shape.reduce((product: number, size: number) => product * size, bytes);
  const [begin, end] = offsets;
  if (needed !== end - begin) {
    return refuse(
      `tensor ${quoted} of shape [${shape}] and type ${dtype} needs ${needed} bytes, its offsets give it ${end - begin}`,
    );
  }
  return { name, type: dtype as string, shape, begin, end };
}

/** Data begins at a multiple of this in files that are written here. */
const alignment = 64;

/**
 * Lays out tensors and makes the bytes before the data. The format forbids gaps, so not every tensor can be aligned:
 * the header is padded with spaces until the data begins at a multiple of 64 bytes; first come the tensors whose size
 * is a multiple of 64, so that each of them is aligned to 64, then the rest by falling element size, so that each is
 * aligned to its elements. Within these, by name.
 */
export function layOut(
  tensors: { name: string; dtype: DType; shape: readonly number[] }[],
  metadata: Record<string, string>,
): { prefix: Uint8Array; order: string[] } {
  const sized = tensors.map(({ name, dtype, shape }) => {
    const type = typeOfDType[dtype];
    const elementBytes = typeBytes[type];
    return {
      name,
      type,
      shape,
      elementBytes,
      bytes: shape.reduce((product, size) => product * size, elementBytes),
    };
  });
  const rank = (one: (typeof sized)[number]) => (one.bytes % alignment === 0 ? 16 : one.elementBytes);
  sized.sort((a, b) => rank(b) - rank(a) || (a.name < b.name ? -1 : 1));

  let at = 0;
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  for (const { name, type, shape, bytes } of sized) {
    header[name] = { dtype: type, shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil((8 + json.length) / alignment) * alignment - 8;
  const prefix = new Uint8Array(8 + length).fill(0x20);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(length), true);
  prefix.set(json, 8);
  return { prefix, order: sized.map(({ name }) => name) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
