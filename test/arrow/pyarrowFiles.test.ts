import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { layOut } from "../../src/arrow/fileLayout.js";
import { mapTable } from "../../src/arrow/index.js";
import { writeLayout } from "../../src/arrow/saveArrow.js";
import * as torch from "../../src/torch/index.js";
import { python, temporaryFolder } from "./files.js";
import { bytesOf, dtypes, numbered, shapes } from "./tensors.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

describe("pyarrow reads what moelab writes", () => {
  it("with types, shapes and values, every buffer at a multiple of 64", () => {
    const tensors = Object.fromEntries(
      dtypes.flatMap((dtype) =>
        shapes.map((shape) => [`${dtype} ${shape.join("x")}`, numbered(shape, dtype)]),
      ),
    );
    torch.saveArrow(at("all.arrow"), tensors, { metadata: { run: "a" } });
    const read = python("describe_file.py", at("all.arrow"));
    expect(read.rows).toBe(1);
    expect(read.metadata).toEqual({ run: "a" });
    expect(Object.keys(read.columns)).toEqual(Object.keys(tensors));
    for (const [name, tensor] of Object.entries(tensors)) {
      const column = read.columns[name];
      expect(column.type).toContain("arrow.fixed_shape_tensor");
      expect(column.shape).toEqual([1, ...tensor.shape]);
      // bfloat16 comes as its bits.
      const bits = tensor.dtype === "bfloat16";
      const values = bits ? [...tensor.asTypedArray()] : tensor.to("float64").view([-1]).toArray();
      expect([name, column.values]).toEqual([name, values]);
      if (tensor.numel > 0) expect(column.offset % 64).toBe(0);
      expect(column.bytes).toBe(tensor.nbytes);
    }
  });

  it("with tied tensors over the same bytes", () => {
    const weight = numbered([8, 16], "float32");
    torch.saveArrow(at("tied.arrow"), {
      weight,
      tied: weight,
      transposed: weight.t(),
      rows: weight.narrow(0, 2, 3),
    });
    const { columns } = python("describe_file.py", at("tied.arrow"));
    expect(columns.tied.offset).toBe(columns.weight.offset);
    expect(columns.transposed.offset).toBe(columns.weight.offset);
    expect(columns.rows.offset).toBe(columns.weight.offset + 2 * 16 * 4);
    expect(columns.transposed.shape).toEqual([1, 16, 8]);
    expect(columns.transposed.values).toEqual(weight.t().contiguous().view([-1]).toArray());
    expect(columns.rows.values).toEqual(weight.narrow(0, 2, 3).contiguous().view([-1]).toArray());
  });

  it("with large lists where fixed-size ones do not reach", () => {
    const tensors = { x: numbered([20, 10], "float32"), flags: numbered([150], "bool") };
    writeLayout(at("large.arrow"), layOut(tensors, 100));
    const { columns } = python("describe_file.py", at("large.arrow"));
    expect(columns.x.type).toContain("large_list");
    expect(columns.x.values).toEqual(tensors.x.view([-1]).toArray());
    expect(columns.x.offset % 64).toBe(0);
  });

  it("and writes it again without loss", () => {
    const weight = numbered([6, 5], "bfloat16");
    const tensors = {
      weight,
      transposed: weight.t(),
      flags: numbered([7], "bool"),
      scalar: torch.tensor(2.5),
    };
    torch.saveArrow(at("first.arrow"), tensors);
    python("rewrite_file.py", at("first.arrow"), at("second.arrow"));
    const opened = torch.openArrow(at("second.arrow"));
    for (const [name, tensor] of Object.entries(tensors)) {
      expect([name, opened[name].dtype, opened[name].shape]).toEqual([name, tensor.dtype, tensor.shape]);
      expect(bytesOf(opened[name])).toEqual(bytesOf(tensor));
    }
  });
});

describe("moelab maps what pyarrow writes", () => {
  beforeAll(() => python("write_files.py", folder));

  it("tensors of every type, permuted ones, arrow.bool8 and nested lists", () => {
    const opened = torch.openArrow(at("tensors.arrow"));
    for (const dtype of dtypes.filter((each) => each !== "bool" && each !== "bfloat16")) {
      expect(opened[dtype].dtype).toBe(dtype);
      expect(bytesOf(opened[dtype])).toEqual(bytesOf(numbered([2, 3, 4], dtype)));
      expect(opened[`${dtype} plain`].toArray()).toEqual([7, 8]);
    }
    expect(opened.permuted.toArray()).toEqual(numbered([2, 3, 4], "float32").permute([0, 2, 1]).toArray());
    expect([opened.bools.dtype, opened.bools.toArray()]).toEqual(["bool", [true, false]]);
    expect(opened.lists.toArray()).toEqual(numbered([2, 2, 3], "int16").toArray());
    const table = torch.fromArrowTable(mapTable(at("tensors.arrow")));
    for (const [name, tensor] of Object.entries(opened)) {
      expect([name, table[name].dtype, table[name].toArray()]).toEqual([
        name,
        tensor.dtype,
        tensor.toArray(),
      ]);
    }
  });

  it("columns among others that are no tensors, each of which says why", () => {
    const path = at("mixed.arrow");
    expect(torch.openArrow(path, { columns: ["numbers"] }).numbers.toArray()).toEqual([1.5, 2.5]);
    expect(() => torch.openArrow(path)).toThrow(/mixed\.arrow: column "text".*\{ columns \}.*mapTable/);
    expect(() => torch.openArrow(path, { columns: ["dictionary"] })).toThrow(/dictionary/);
    expect(() => torch.openArrow(path, { columns: ["bits"] })).toThrow(/bit-packed bool/);
    expect(() => torch.openArrow(path, { columns: ["nulls"] })).toThrow(/nulls/);
    expect(() => torch.openArrow(path, { columns: ["unsigned"] })).toThrow(/uint32/);
    const table = mapTable(path);
    expect(table.getChild("text")?.get(1)).toBe("bc");
    expect(torch.fromArrow(table, { column: "numbers" }).toArray()).toEqual([1.5, 2.5]);
  });

  it("several batches only as a copy", () => {
    expect(() => torch.openArrow(at("batches.arrow"))).toThrow(/2 record batches.*copy: true/);
    const { x } = torch.openArrow(at("batches.arrow"), { copy: true });
    expect(x.toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(torch.openArrow(at("empty.arrow")).x.shape).toEqual([0, 3]);
  });

  it("and says what is wrong with compressed files and streams", () => {
    for (const open of [torch.openArrow, mapTable]) {
      expect(() => open(at("compressed.arrow"))).toThrow(/compressed.*without compression/);
      expect(() => open(at("stream.arrow"))).toThrow(/stream.*file format/);
    }
  });
});
