import { readFileSync, writeFileSync } from "node:fs";
import { torch } from "../../src/index.js";

/**
 * Named tensors and a JSON value, exchanged with tensor_file.py: eight bytes with the length of a JSON header, the
 * header, then the values one after the other. Independent of what the API itself reads and writes.
 */
export interface TensorFile {
  info: any;
  tensors: Record<string, torch.Tensor>;
}

type FileDType = "float32" | "float64" | "int64";
const arrays = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array };

export function writeTensorFile(path: string, { info, tensors }: TensorFile): void {
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const array = tensor.detach().contiguous().asTypedArray({ copy: true });
    return { name, dtype: tensor.dtype, shape: tensor.shape, array };
  });
  const header = Buffer.from(
    JSON.stringify({ info, tensors: entries.map(({ name, dtype, shape }) => ({ name, dtype, shape })) }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const blobs = entries.map(({ array }) => Buffer.from(array.buffer, array.byteOffset, array.byteLength));
  writeFileSync(path, Buffer.concat([length, header, ...blobs]));
}

export function readTensorFile(path: string): TensorFile {
  const bytes = readFileSync(path);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, headerEnd).toString());
  const tensors: Record<string, torch.Tensor> = {};
  let at = headerEnd;
  for (const { name, dtype, shape } of header.tensors as {
    name: string;
    dtype: FileDType;
    shape: number[];
  }[]) {
    const elements = shape.reduce((product, size) => product * size, 1);
    const end = at + elements * arrays[dtype].BYTES_PER_ELEMENT;
    const aligned = Uint8Array.from(bytes.subarray(at, end));
    tensors[name] = torch.fromTypedArray(new arrays[dtype](aligned.buffer), shape);
    at = end;
  }
  return { info: header.info, tensors };
}
