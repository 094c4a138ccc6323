import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as torch from "../../src/torch/index.js";
import * as weights from "../../src/weights/index.js";
import { evaluatePython } from "../python/run.js";

const folder = mkdtempSync(join(tmpdir(), "moelab-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

const dtypes = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint8",
  "bool",
] as const;

function samples(): Record<string, torch.Tensor> {
  const tensors: Record<string, torch.Tensor> = {
    scalar: torch.tensor(2.5),
    none: torch.zeros([0, 3]),
    transposed: torch
      .tensor([
        [1, 2, 3],
        [4, 5, 6],
      ])
      .t(),
    "naïve ☃": torch.tensor([1]),
    constructor: torch.tensor([7]),
  };
  for (const dtype of dtypes) tensors[dtype] = torch.tensor([0, 1, 2, 3, 5]).to(dtype);
  return tensors;
}

test("what was saved comes back", () => {
  const tensors = samples();
  weights.saveSafetensors(at("own.safetensors"), tensors, { metadata: { step: "3" } });
  const file = weights.openSafetensors(at("own.safetensors"));
  expect(file.metadata).toEqual({ step: "3" });
  expect(new Set(file.names())).toEqual(new Set(Object.keys(tensors)));
  for (const [name, tensor] of Object.entries(tensors)) {
    const back = file.tensor(name);
    expect([name, back.dtype, back.shape, back.toArray()]).toEqual([
      name,
      tensor.dtype,
      tensor.shape,
      tensor.toArray(),
    ]);
  }
  expect(readdirSync(folder)).toEqual(["own.safetensors"]);
});

test("data begins at a multiple of 64, and so do tensors of such a size", () => {
  const path = at("aligned.safetensors");
  weights.saveSafetensors(path, {
    a: torch.ones([3], { dtype: "uint8" }),
    b: torch.ones([16]),
    c: torch.ones([64], { dtype: "bfloat16" }),
    d: torch.ones([3], { dtype: "float64" }),
  });
  expect(Number(readFileSync(path).readBigUInt64LE()) % 64).toBe(56);
  const file = weights.openSafetensors(path);
  expect(file.names()).toEqual(["b", "c", "d", "a"]);
  const addresses = file.names().map((name) => {
    const tensor = file.tensor(name);
    const bytes = { float32: 4, bfloat16: 2, float64: 8, uint8: 1 }[tensor.dtype as "uint8"];
    return (Number(tensor.storagePointer % 4096n) + tensor.storageOffset * bytes) % 64;
  });
  expect(addresses.slice(0, 3)).toEqual([0, 0, 0]);
});

test("a file is mapped: read-only files open, and writing to a tensor leaves the file alone", () => {
  const path = at("readonly.safetensors");
  weights.saveSafetensors(path, { x: torch.tensor([1, 2, 3]) });
  chmodSync(path, 0o444);
  const before = readFileSync(path);
  const { x } = weights.loadSafetensors(path);
  x.fill_(9);
  expect(x.toArray()).toEqual([9, 9, 9]);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(weights.loadSafetensors(path).x.toArray()).toEqual([1, 2, 3]);
});

test("tensors outlive a tidy only when they are returned; the file object lives on", () => {
  const path = at("scoped.safetensors");
  weights.saveSafetensors(path, { x: torch.tensor([1, 2]), y: torch.tensor([3]) });
  const file = torch.tidy(() => {
    const opened = weights.openSafetensors(path);
    opened.tensor("x");
    return opened;
  });
  expect(file.tensor("y").toArray()).toEqual([3]);
  const x = torch.tidy(() => weights.loadSafetensors(path).x);
  expect(x.toArray()).toEqual([1, 2]);
});

test("Python reads what is written here, and the other way round", () => {
  weights.saveSafetensors(at("to-python.safetensors"), samples(), { metadata: { format: "pt" } });
  const seen = JSON.parse(
    evaluatePython(
      `import sys, json, torch
from safetensors import safe_open
from safetensors.torch import save_file
with safe_open(sys.argv[1], "pt") as f:
    tensors = {name: f.get_tensor(name) for name in f.keys()}
    metadata = f.metadata()
save_file({k: v.contiguous() for k, v in tensors.items()}, sys.argv[2], metadata={"from": "python"})
print(json.dumps({"metadata": metadata, "tensors": {k: [str(v.dtype)[6:], list(v.shape), v.tolist()] for k, v in tensors.items()}}))`,
      at("to-python.safetensors"),
      at("from-python.safetensors"),
    ),
  );
  const described = (tensors: Record<string, torch.Tensor>) =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [
        name,
        [tensor.dtype, [...tensor.shape], tensor.toArray()],
      ]),
    );
  expect(seen.metadata).toEqual({ format: "pt" });
  expect(seen.tensors).toEqual(described(samples()));
  expect(described(weights.loadSafetensors(at("from-python.safetensors")))).toEqual(seen.tensors);
  expect(weights.openSafetensors(at("from-python.safetensors")).metadata).toEqual({ from: "python" });
});

test("an unaligned tensor of a foreign file is copied", () => {
  write(
    "unaligned",
    { a: entry("U8", [1], 0, 1), b: entry("F32", [1], 1, 5) },
    Buffer.from([7, 0, 0, 128, 63]),
  );
  const { a, b } = weights.loadSafetensors(at("unaligned"));
  expect([a.toArray(), b.toArray()]).toEqual([[7], [1]]);
});

const entry = (dtype: unknown, shape: unknown, ...data_offsets: unknown[]) => ({
  dtype,
  shape,
  data_offsets,
});

function write(name: string, header: unknown, data: Uint8Array, length?: bigint): void {
  const raw = typeof header === "string" || Buffer.isBuffer(header);
  const json = raw ? Buffer.from(header as string) : Buffer.from(JSON.stringify(header));
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(length ?? BigInt(json.length));
  writeFileSync(at(name), Buffer.concat([field, json, data]));
}

const eight = Buffer.alloc(8);
const hostile: [string, unknown, Uint8Array, RegExp, bigint?][] = [
  ["no JSON", "{", eight, /its header is no JSON/],
  ["an array", [], eight, /no JSON object/],
  ["invalid UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), eight, /no JSON/],
  ["huge header", "{}", eight, /its header would have 4611686018427387904 bytes/, 2n ** 62n],
  ["header beyond the file", "{}", eight, /its header has 5000 bytes, the whole file 18/, 5000n],
  ["cut off", { a: entry("F32", [4], 0, 16) }, eight, /need 16 bytes of data, it has 8: it is cut off/],
  ["too long", { a: entry("F32", [1], 0, 4) }, eight, /4 bytes follow the last tensor/],
  [
    "overlap",
    { a: entry("F32", [1], 0, 4), b: entry("F32", [1], 2, 6) },
    eight,
    /"b" begins at 2, within the tensor before/,
  ],
  ["hole", { a: entry("F32", [1], 0, 4), b: entry("U8", [2], 6, 8) }, eight, /no tensor owns bytes 4 to 6/],
  ["wrong size", { a: entry("F32", [3], 0, 8) }, eight, /needs 12 bytes, its offsets give it 8/],
  ["negative shape", { a: entry("F32", [-2], 0, 8) }, eight, /has the shape \[-2\]/],
  ["overflowing shape", { a: entry("F32", [2 ** 52, 2 ** 52], 0, 8) }, eight, /needs/],
  ["backward offsets", { a: entry("F32", [2], 8, 0) }, eight, /data_offsets \[8,0\]/],
  ["offsets that are no numbers", { a: entry("F32", [2], "0", 8) }, eight, /data_offsets \["0",8\]/],
  ["unknown dtype", { a: entry("toString", [2], 0, 8) }, eight, /unknown dtype "toString"/],
  ["an entry that is no object", { a: 3 }, eight, /entry of tensor "a" is no object/],
  ["metadata that is no text", { __metadata__: { a: 1 } }, eight, /__metadata__\.a is no string/],
];

test.each(hostile)("refuses %s", (name, header, data, message, length) => {
  write(name, header, data, length);
  expect(() => weights.openSafetensors(at(name))).toThrow(message);
});

test("refuses what is no file or too short", () => {
  expect(() => weights.openSafetensors(at("absent"))).toThrow(/there is no file/);
  writeFileSync(at("tiny"), "abc");
  expect(() => weights.openSafetensors(at("tiny"))).toThrow(/it has 3 bytes/);
});

test("types without a dtype are an error of the tensor, not of the file", () => {
  write("f8", { a: entry("F8_E4M3", [4], 0, 4), b: entry("U8", [4], 4, 8) }, eight);
  const file = weights.openSafetensors(at("f8"));
  expect(file.describe("a")).toEqual({ type: "F8_E4M3", shape: [4], bytes: 4 });
  expect(file.tensor("b").toArray()).toEqual([0, 0, 0, 0]);
  expect(() => file.tensor("a")).toThrow(/is of type F8_E4M3/);
  expect(() => file.tensor("c")).toThrow(/has no tensor "c"; it has a, b/);
});

test("a failed write leaves the old file and nothing else", () => {
  const path = at("kept.safetensors");
  weights.saveSafetensors(path, { x: torch.tensor([1]) });
  const { size } = statSync(path);
  const gone = torch.tensor([1]);
  const tensors = { x: torch.tensor([1, 2]), y: gone };
  Object.defineProperty(gone, "detach", {
    value: () => {
      throw new Error("device lost");
    },
  });
  expect(() => weights.saveSafetensors(path, tensors)).toThrow("device lost");
  expect(statSync(path).size).toBe(size);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a change of one tensor in place does not spoil a backward pass through another", () => {
  const path = at("independent.safetensors");
  weights.saveSafetensors(path, { a: torch.tensor([1, 2]), b: torch.tensor([3, 4]) });
  const { a, b } = weights.loadSafetensors(path);
  const x = torch.ones([2]).requiresGrad_();
  const product = x.mul(a).sum();
  b.add_(1);
  product.backward();
  expect(x.grad!.toArray()).toEqual([1, 2]);
  expect(weights.loadSafetensors(path).b.toArray()).toEqual([3, 4]);
});
