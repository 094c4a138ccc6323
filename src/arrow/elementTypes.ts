import type { DType } from "../torch/dtype.js";
import { type ArrowType, typeId } from "./arrowObjects.js";
import { arrowLibrary } from "./library.js";

/** A primitive type as Arrow's format states it: `precision` 0, 1, 2 for half, single and double. */
export interface PrimitiveType extends ArrowType {
  readonly bitWidth?: number;
  readonly isSigned?: boolean;
  readonly precision?: number;
}

const floats: readonly DType[] = ["float16", "float32", "float64"];

/** The dtype whose elements an Arrow type holds byte for byte, or undefined. Bit-packed Bool has none. */
export function naturalDType(type: PrimitiveType): DType | undefined {
  if (type.typeId === typeId.float) return floats[type.precision!];
  if (type.typeId !== typeId.int) return undefined;
  if (!type.isSigned) return type.bitWidth === 8 ? "uint8" : undefined;
  return ({ 8: "int8", 16: "int16", 32: "int32", 64: "int64" } as Record<number, DType>)[type.bitWidth!];
}

/** Bytes that the elements of an Arrow type may stand for besides their natural dtype. */
export function reinterpretations(type: PrimitiveType): readonly DType[] {
  if (type.typeId !== typeId.int) return [];
  if (type.bitWidth === 8) return ["bool"];
  if (type.bitWidth === 16) return ["bfloat16", "float16"];
  return [];
}

/** As the error messages name it. */
export function describeType(type: PrimitiveType): string {
  switch (type.typeId) {
    case typeId.int:
      return `${type.isSigned ? "int" : "uint"}${type.bitWidth}`;
    case typeId.float:
      return `float${16 << type.precision!}`;
    case typeId.bool:
      return "bit-packed bool";
    default: {
      const name = String(type);
      return name.startsWith("[object") ? `Arrow type ${type.typeId}` : name;
    }
  }
}

/** The Arrow type over the bytes of a dtype: bfloat16 as uint16, bool as int8 (the storage of `arrow.bool8`). */
export function storageType(dtype: DType): ArrowType {
  const { arrow } = arrowLibrary();
  switch (dtype) {
    case "uint8":
      return new arrow.Uint8();
    case "int8":
    case "bool":
      return new arrow.Int8();
    case "int16":
      return new arrow.Int16();
    case "int32":
      return new arrow.Int32();
    case "int64":
      return new arrow.Int64();
    case "float16":
      return new arrow.Float16();
    case "float32":
      return new arrow.Float32();
    case "float64":
      return new arrow.Float64();
    case "bfloat16":
      return new arrow.Uint16();
  }
}
