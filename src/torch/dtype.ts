/** Element types, by their PyTorch names. */
export type DType =
  | "uint8"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "float16"
  | "float32"
  | "float64"
  | "bfloat16"
  | "bool";

export type TypedArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

type TypedArrayConstructor = {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
};

interface DTypeFacts {
  /** c10::ScalarType. */
  code: number;
  bytes: number;
  /** What its elements look like in JavaScript; float16 and bfloat16 as their bits. */
  array: TypedArrayConstructor;
  floating: boolean;
}

export const dtypeFacts: Record<DType, DTypeFacts> = {
  uint8: { code: 0, bytes: 1, array: Uint8Array, floating: false },
  int8: { code: 1, bytes: 1, array: Int8Array, floating: false },
  int16: { code: 2, bytes: 2, array: Int16Array, floating: false },
  int32: { code: 3, bytes: 4, array: Int32Array, floating: false },
  int64: { code: 4, bytes: 8, array: BigInt64Array, floating: false },
  float16: { code: 5, bytes: 2, array: Uint16Array, floating: true },
  float32: { code: 6, bytes: 4, array: Float32Array, floating: true },
  float64: { code: 7, bytes: 8, array: Float64Array, floating: true },
  bool: { code: 11, bytes: 1, array: Uint8Array, floating: false },
  bfloat16: { code: 15, bytes: 2, array: Uint16Array, floating: true },
};

const names = new Map(Object.entries(dtypeFacts).map(([name, facts]) => [facts.code, name as DType]));

/** @throws TypeError for a name that is no dtype. */
export function dtypeCode(dtype: DType): number {
  const facts = dtypeFacts[dtype];
  if (!facts) {
    throw new TypeError(`dtype: expected one of ${Object.keys(dtypeFacts).join(", ")}, got ${String(dtype)}`);
  }
  return facts.code;
}

/** @throws TypeError for an element type moelab has no name for (complex, quantised). */
export function dtypeName(code: number): DType {
  const name = names.get(code);
  if (!name) {
    throw new TypeError(`the tensor has element type ${code} (c10::ScalarType), which moelab does not read`);
  }
  return name;
}

/** The dtype whose elements a typed array holds: Uint16Array has none of its own (float16 or bfloat16 bits). */
export function dtypeOfArray(array: TypedArray): DType | undefined {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof BigInt64Array) return "int64";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "uint8";
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Int16Array) return "int16";
  return undefined;
}
