import { createRequire } from "node:module";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import * as torch from "../../src/torch/index.js";
import { bytesOf, dtypes, numbered, overwriteFirst, shapes } from "./tensors.js";

const commonJs = createRequire(import.meta.url)("apache-arrow") as typeof arrow;

describe.each(dtypes)("%s", (dtype) => {
  it.each(shapes.map((shape) => [shape]))("of shape %j goes out and in over the same memory", (shape) => {
    const tensor = numbered(shape, dtype);
    const vector = tensor.toArrow<arrow.Vector>();
    expect(vector).toBeInstanceOf(arrow.Vector);
    expect(vector.length).toBe(shape[0] ?? 1);
    const back = torch.fromArrow(vector);
    expect(back.dtype).toBe(dtype);
    expect(back.shape).toEqual(shape);
    expect(bytesOf(back)).toEqual(bytesOf(tensor));
    if (tensor.numel === 0) return;
    expect(back.storagePointer).toBe(tensor.storagePointer);

    overwriteFirst(tensor);
    expect(bytesOf(back)).toEqual(bytesOf(tensor));
    let leaf: arrow.Data = vector.data[0];
    while (leaf.children.length > 0) leaf = leaf.children[0] as arrow.Data;
    const bytes = new Uint8Array(leaf.values.buffer, leaf.values.byteOffset, leaf.values.byteLength);
    expect([...bytes]).toEqual(bytesOf(tensor));
    bytes[0] = dtype === "bool" ? 0 : 5;
    expect(bytesOf(tensor)[0]).toBe(bytes[0]);
  });

  it.each(shapes.map((shape) => [shape]))("of shape %j is copied on request", (shape) => {
    const tensor = numbered(shape, dtype);
    const before = bytesOf(tensor);
    const vector = tensor.toArrow({ copy: true });
    const back = torch.fromArrow(vector, { copy: true });
    if (tensor.numel > 0) overwriteFirst(tensor);
    expect(back.dtype).toBe(dtype);
    expect(back.shape).toEqual(shape);
    expect(bytesOf(back)).toEqual(before);
  });

  it("goes through a table and its IPC bytes with dtype and shape", () => {
    const tensors = Object.fromEntries(
      shapes.filter((shape) => shape[0] === 2).map((shape) => [shape.join("x"), numbered(shape, dtype)]),
    );
    tensors.plain = numbered([2], dtype);
    const table = torch.toArrowTable<arrow.Table>(tensors, { metadata: { origin: "test" } });
    expect(table.schema.metadata.get("origin")).toBe("test");
    for (const each of [table, arrow.tableFromIPC(arrow.tableToIPC(table, "file"))]) {
      const back = torch.fromArrowTable(each);
      expect(Object.keys(back)).toEqual(Object.keys(tensors));
      for (const [name, tensor] of Object.entries(tensors)) {
        expect(back[name].dtype).toBe(dtype);
        expect(back[name].shape).toEqual(tensor.shape);
        expect(bytesOf(back[name])).toEqual(bytesOf(tensor));
      }
    }
    expect(torch.fromArrow(table, { column: "plain" }).storagePointer).toBe(tensors.plain.storagePointer);
  });
});

describe("layout", () => {
  it("shares a permuted tensor that fills its memory", () => {
    const tensor = numbered([2, 3, 4], "float32");
    const permuted = tensor.transpose(1, 2);
    const vector = permuted.toArrow();
    const back = torch.fromArrow(vector);
    expect(back.shape).toEqual([2, 4, 3]);
    expect(back.toArray()).toEqual(permuted.toArray());
    back.fill_(9);
    expect(tensor.sum().item()).toBe(24 * 9);

    const table = torch.toArrowTable<arrow.Table>({ permuted });
    const read = arrow.tableFromIPC(arrow.tableToIPC(table));
    expect(torch.fromArrow(read).toArray()).toEqual(permuted.toArray());
  });

  it("shares rows from the middle", () => {
    const tensor = numbered([6, 2], "int32");
    const back = torch.fromArrow(tensor.narrow(0, 2, 3).toArrow());
    back.fill_(-1);
    expect(tensor.toArray()).toEqual([
      [0, 1],
      [2, 3],
      [-1, -1],
      [-1, -1],
      [-1, -1],
      [10, 11],
    ]);
  });

  it("takes slices of vectors with their offset", () => {
    const tensor = numbered([6, 2], "int16");
    const vector = tensor.toArrow<arrow.Vector>();
    const rows = torch.fromArrow(vector.slice(2, 5).slice(1, 3));
    expect(rows.toArray()).toEqual([
      [6, 7],
      [8, 9],
    ]);
    rows.fill_(0);
    expect(tensor.narrow(0, 3, 2).sum().item()).toBe(0);
    const numbers = torch.fromArrow(arrow.makeVector(new Float64Array([1, 2, 3, 4])).slice(1, 3));
    expect(numbers.toArray()).toEqual([2, 3]);
  });

  it("takes slices of bit-packed bools", () => {
    const bools = arrow.vectorFromArray([true, false, true, true, false, false, true, true, true, false]);
    const back = torch.fromArrow(bools.slice(3, 9), { copy: true });
    expect(back.dtype).toBe("bool");
    expect(back.toArray()).toEqual([true, false, false, true, true, true]);
  });

  it("takes nested fixed-size lists as dimensions", () => {
    const numbers = new Float32Array(12).map((_, at) => at);
    const leaf = arrow.makeData({ type: new arrow.Float32(), length: 12, nullCount: 0, data: numbers });
    const inner = arrow.makeData({
      type: new arrow.FixedSizeList(3, new arrow.Field("item", leaf.type, false)),
      length: 4,
      nullCount: 0,
      child: leaf,
    });
    const outer = arrow.makeData({
      type: new arrow.FixedSizeList(2, new arrow.Field("item", inner.type, false)),
      length: 2,
      nullCount: 0,
      child: inner as never,
    });
    const tensor = torch.fromArrow(new arrow.Vector([outer]));
    expect(tensor.shape).toEqual([2, 2, 3]);
    numbers[11] = -4;
    expect(tensor.select(0, 1).sum().item()).toBe(6 + 7 + 8 + 9 + 10 - 4);
    expect(torch.fromArrow(outer).shape).toEqual([2, 2, 3]);
  });

  it("keeps the memory of a vector whose tensor is gone", () => {
    const vector = torch.tidy(() => numbered([1000], "float32").toArrow<arrow.Vector>());
    torch.collectGarbage();
    for (let at = 0; at < 50; at++) torch.tidy(() => torch.full([1000], -1));
    expect(vector.get(999)).toBe(999);
  });

  it("leaves history alone", () => {
    const weight = torch.full([2, 2], 1, { requiresGrad: true });
    const back = torch.fromArrow(weight.toArrow());
    expect(back.requiresGrad).toBe(false);
    weight.mul(3).sum().backward();
    expect(weight.grad?.toArray()).toEqual([
      [3, 3],
      [3, 3],
    ]);
  });
});

describe("what cannot be shared says so", () => {
  it("names strides that Arrow has not, and offers a copy", () => {
    const gaps = numbered([4, 4], "float32").narrow(1, 0, 2);
    expect(() => gaps.toArrow()).toThrow(/shape \[4, 2\].*strides \[4, 1\].*copy: true/);
    expect(torch.fromArrow(gaps.toArrow({ copy: true })).toArray()).toEqual(gaps.toArray());
    const columns = numbered([3, 4], "float32").t();
    expect(() => columns.toArrow()).toThrow(/copy: true/);
    expect(torch.fromArrow(columns.toArrow({ copy: true })).toArray()).toEqual(columns.toArray());
  });

  it("refuses bit-packed bools, and unpacks them on request", () => {
    const packed = torch.tensor([[true, false, true]]).toArrow<arrow.Vector>({ copy: true });
    expect(packed.get(0)?.toArray()).toBeDefined();
    const plain = torch.tensor([true, false, true]).toArrow<arrow.Vector>({ copy: true });
    expect([...plain]).toEqual([true, false, true]);
    expect(() => torch.fromArrow(plain)).toThrow(/one bit.*copy: true/);
    expect(torch.fromArrow(packed, { copy: true }).toArray()).toEqual([[true, false, true]]);
  });

  it("refuses several chunks, and joins them on request", () => {
    const chunked = arrow.makeVector(new Int32Array([1, 2])).concat(arrow.makeVector(new Int32Array([3])));
    expect(() => torch.fromArrow(chunked)).toThrow(/2 chunks.*copy: true/);
    expect(torch.fromArrow(chunked, { copy: true }).toArray()).toEqual([1, 2, 3]);
  });

  it("refuses nulls", () => {
    const nulls = arrow.vectorFromArray([1, null, 3], new arrow.Float32());
    expect(() => torch.fromArrow(nulls)).toThrow(/1 nulls.*fill or drop/);
    expect(() => torch.fromArrow(nulls, { copy: true })).toThrow(/nulls/);
    expect(torch.fromArrow(nulls.slice(2)).toArray()).toEqual([3]);
  });

  it("refuses types that no dtype matches, and says what may be meant", () => {
    expect(() => torch.fromArrow(arrow.vectorFromArray(["a"]))).toThrow(/expected integers/);
    expect(() => torch.fromArrow(arrow.makeVector(new Uint32Array(2)))).toThrow(/uint32/);
    const bits = arrow.makeVector(new Uint16Array([0x3f80, 0x4000]));
    expect(() => torch.fromArrow(bits)).toThrow(/dtype: "bfloat16"/);
    expect(torch.fromArrow(bits, { dtype: "bfloat16" }).toArray()).toEqual([1, 2]);
    const floats = arrow.makeVector(new Float32Array(2));
    expect(() => torch.fromArrow(floats, { dtype: "float64" })).toThrow(/\.to\("float64"\)/);
  });

  it("refuses what is no column, and tables without a choice", () => {
    expect(() => torch.fromArrow(new Float32Array(3) as never)).toThrow(/fromTypedArray/);
    expect(() => torch.fromArrow(null as never)).toThrow(/expected an Arrow Vector/);
    const table = torch.toArrowTable({ a: torch.ones([2]), b: torch.ones([2]) });
    expect(() => torch.fromArrow(table)).toThrow(/2 columns \("a", "b"\)/);
    expect(() => torch.fromArrow(table, { column: "c" })).toThrow(/no column "c"/);
    expect(() => torch.toArrowTable({ a: torch.ones([2]), b: torch.ones([3]) })).toThrow(
      /"a" has 2 rows, "b" 3/,
    );
  });

  it("refuses metadata that contradicts the column", () => {
    const metadata = new Map([
      ["ARROW:extension:name", "arrow.fixed_shape_tensor"],
      ["ARROW:extension:metadata", '{"shape":[5,5]}'],
    ]);
    const vector = arrow.makeVector(new Float32Array(4));
    const table = new arrow.Table(new arrow.Schema([new arrow.Field("x", vector.type, false, metadata)]), {
      x: vector,
    });
    expect(() => torch.fromArrow(table)).toThrow(/shape \[5, 5\].*1 elements/);
    metadata.set("ARROW:extension:metadata", "{");
    expect(() => torch.fromArrow(table)).toThrow(/not valid/);
  });
});

describe("the two builds of apache-arrow", () => {
  it("are both taken", () => {
    for (const library of [arrow, commonJs]) {
      const vector = library.makeVector(new Float32Array([1, 2]));
      expect(torch.fromArrow(vector).toArray()).toEqual([1, 2]);
      expect(torch.fromArrow(new library.Table({ vector })).toArray()).toEqual([1, 2]);
    }
  });

  it("import's is given, so that its functions work on what comes out", () => {
    const vector = numbered([2, 3], "float32").toArrow<arrow.Vector>();
    const table = arrow.tableFromIPC(arrow.tableToIPC(new arrow.Table({ vector })));
    expect([...table.getChild("vector")!.get(1)!]).toEqual([3, 4, 5]);
  });
});
