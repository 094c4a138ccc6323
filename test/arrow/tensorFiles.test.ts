import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { layOut } from "../../src/arrow/fileLayout.js";
import { readFileMetadata } from "../../src/arrow/fileMetadata.js";
import { mapTable } from "../../src/arrow/index.js";
import { writeLayout } from "../../src/arrow/saveArrow.js";
import * as torch from "../../src/torch/index.js";
import { temporaryFolder } from "./files.js";
import { bytesOf, dtypes, numbered, shapes } from "./tensors.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** Where the data of each column starts in the file. */
function dataOffsets(path: string): number[] {
  const { batches, fields } = readFileMetadata(path);
  const each = batches[0].buffers.length / fields.length;
  return fields.map((_, index) => batches[0].buffers[index * each + each - 1].offset);
}

describe("a file of tensors", () => {
  it("keeps dtypes, shapes and values of any tensors", () => {
    const tensors = Object.fromEntries(
      dtypes.flatMap((dtype) =>
        shapes.map((shape) => [`${dtype} ${shape.join("x")}`, numbered(shape, dtype)]),
      ),
    );
    torch.saveArrow(at("all.arrow"), tensors, { metadata: { step: "12", läufe: "ß" } });
    const opened = torch.openArrow(at("all.arrow"));
    expect(Object.keys(opened)).toEqual(Object.keys(tensors));
    for (const [name, tensor] of Object.entries(tensors)) {
      expect([name, opened[name].dtype, opened[name].shape]).toEqual([name, tensor.dtype, tensor.shape]);
      expect(bytesOf(opened[name])).toEqual(bytesOf(tensor));
    }
    expect(torch.arrowMetadata(at("all.arrow"))).toEqual({ step: "12", läufe: "ß" });
    for (const offset of dataOffsets(at("all.arrow"))) expect(offset % 64).toBe(0);
    expect(readdirSync(folder)).toEqual(["all.arrow"]);
  });

  it("can be opened in part, and be empty", () => {
    torch.saveArrow(at("part.arrow"), { a: torch.ones([2]), b: torch.zeros([3]) });
    expect(Object.keys(torch.openArrow(at("part.arrow"), { columns: ["b"] }))).toEqual(["b"]);
    expect(() => torch.openArrow(at("part.arrow"), { columns: ["c"] })).toThrow(
      /no column "c", only "a", "b"/,
    );
    torch.saveArrow(at("none.arrow"), {});
    expect(torch.openArrow(at("none.arrow"))).toEqual({});
  });

  it("keeps tied tensors tied, in one copy", () => {
    const weight = numbered([100, 64], "float32");
    const tensors = {
      embedding: weight,
      output: weight.view([100, 64]),
      transposed: weight.t(),
      rows: weight.narrow(0, 10, 5),
      apart: weight.clone(),
    };
    torch.saveArrow(at("tied.arrow"), tensors);
    expect(readFileSync(at("tied.arrow")).length).toBeLessThan(2 * weight.nbytes + 8192);
    const [embedding, output, transposed, rows, apart] = dataOffsets(at("tied.arrow"));
    expect([output, transposed, rows]).toEqual([embedding, embedding, embedding + 10 * 64 * 4]);
    expect(apart).not.toBe(embedding);

    const opened = torch.openArrow(at("tied.arrow"));
    for (const [name, tensor] of Object.entries(tensors)) {
      expect(opened[name].toArray()).toEqual(tensor.toArray());
    }
    opened.embedding.fill_(3);
    expect(opened.output.sum().item()).toBe(3 * 6400);
    expect(opened.transposed.sum().item()).toBe(3 * 6400);
    expect(opened.rows.sum().item()).toBe(3 * 320);
    expect(opened.apart.toArray()).toEqual(tensors.apart.toArray());
    torch.saveArrow(at("again.arrow"), opened);
    expect(new Set(dataOffsets(at("again.arrow")).slice(0, 3)).size).toBe(1);
  });

  it("writes overlaps that cannot be aligned, and layouts with gaps, one by one", () => {
    const base = numbered([40], "float32");
    const tensors = {
      left: base.narrow(0, 0, 30),
      right: base.narrow(0, 20, 20),
      odd: base.narrow(0, 3, 5),
      gaps: base.view([10, 4]).narrow(1, 1, 2),
      broadcast: base.narrow(0, 0, 4).view([4, 1]).expand([4, 3]),
    };
    torch.saveArrow(at("overlap.arrow"), tensors);
    const opened = torch.openArrow(at("overlap.arrow"));
    for (const [name, tensor] of Object.entries(tensors)) {
      expect(opened[name].toArray()).toEqual(tensor.toArray());
    }
    for (const offset of dataOffsets(at("overlap.arrow"))) expect(offset % 64).toBe(0);
  });

  it("stores more elements than a fixed-size list has as a large list", () => {
    const tensors = {
      matrix: numbered([30, 40], "float32"),
      permuted: numbered([30, 40], "float32").t(),
      halves: numbered([50, 30], "bfloat16"),
      bools: numbered([2000], "bool"),
      small: numbered([5], "int16"),
    };
    writeLayout(at("large.arrow"), layOut(tensors, 1000));
    const opened = torch.openArrow(at("large.arrow"));
    for (const [name, tensor] of Object.entries(tensors)) {
      expect([opened[name].dtype, opened[name].shape]).toEqual([tensor.dtype, tensor.shape]);
      expect(bytesOf(opened[name])).toEqual(bytesOf(tensor));
    }
  });

  it("streams tensors larger than a window", () => {
    const large = torch.arange(0, 20e6, 1, { dtype: "float32" });
    torch.saveArrow(at("windows.arrow"), { large, permuted: large.view([2000, 10000]).t() });
    const opened = torch.openArrow(at("windows.arrow"));
    expect(opened.large.equal(large)).toBe(true);
    expect(opened.permuted.equal(large.view([2000, 10000]).t())).toBe(true);
  });
});

describe("a mapped file", () => {
  it("is never written to", () => {
    torch.saveArrow(at("private.arrow"), { x: torch.ones([1000]) });
    const before = readFileSync(at("private.arrow"));
    chmodSync(at("private.arrow"), 0o444);
    const { x } = torch.openArrow(at("private.arrow"));
    x.fill_(5);
    expect(torch.openArrow(at("private.arrow")).x.sum().item()).toBe(1000);
    expect(readFileSync(at("private.arrow")).equals(before)).toBe(true);
  });

  it("stays as it is when another takes its name", () => {
    torch.saveArrow(at("replaced.arrow"), { x: torch.ones([1000]) });
    const { x } = torch.openArrow(at("replaced.arrow"));
    torch.saveArrow(at("replaced.arrow"), { x: torch.zeros([3]) });
    expect(x.sum().item()).toBe(1000);
    expect(torch.openArrow(at("replaced.arrow")).x.shape).toEqual([3]);
  });

  it("stays whole when writing over it fails", () => {
    torch.saveArrow(at("kept.arrow"), { x: torch.ones([3]) });
    const disposed = torch.ones([3]);
    const layout = layOut({ x: torch.ones([3]), disposed });
    disposed.dispose();
    expect(() => writeLayout(at("kept.arrow"), layout)).toThrow(/disposed/);
    expect(torch.openArrow(at("kept.arrow")).x.toArray()).toEqual([1, 1, 1]);
    expect(readdirSync(folder).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("gives tensors that autograd treats as separate", () => {
    torch.saveArrow(at("separate.arrow"), { a: torch.ones([2]), b: torch.ones([2]) });
    const { a, b } = torch.openArrow(at("separate.arrow"));
    a.requiresGrad = true;
    const squares = a.mul(a).sum();
    b.fill_(3);
    squares.backward();
    expect(a.grad?.toArray()).toEqual([2, 2]);
  });

  it("can be trained on in place, and outlives its scope", () => {
    torch.saveArrow(at("scoped.arrow"), { x: torch.ones([4]) });
    const x = torch.tidy(() => torch.openArrow(at("scoped.arrow")).x);
    torch.collectGarbage();
    expect(x.add_(1).toArray()).toEqual([2, 2, 2, 2]);
  });

  it("is given back with the last of its tensors, and does not count as memory in use", () => {
    torch.saveArrow(at("released.arrow"), { x: torch.ones([1 << 20]) });
    const isMapped = () => readFileSync("/proc/self/maps", "utf8").includes("released.arrow");
    const before = torch.memoryUsage();
    const { x } = torch.openArrow(at("released.arrow"));
    const rows = x.narrow(0, 0, 10);
    expect(torch.memoryUsage()).toEqual({ tensors: before.tensors + 2, bytes: before.bytes });
    x.dispose();
    expect(isMapped()).toBe(true);
    rows.dispose();
    expect(isMapped()).toBe(false);
  });

  it("is an apache-arrow table over the same kind of mapping", () => {
    const weight = numbered([3, 4], "float32");
    torch.saveArrow(at("table.arrow"), { weight, tied: weight, flags: torch.tensor([true, false]) });
    const table = mapTable<arrow.Table>(at("table.arrow"));
    expect(table).toBeInstanceOf(arrow.Table);
    expect([...table.getChild("weight")!.get(0)!]).toEqual(weight.view([-1]).toArray());
    const opened = torch.fromArrowTable(table);
    expect(opened.weight.toArray()).toEqual(weight.toArray());
    expect(opened.flags.toArray()).toEqual([true, false]);
    opened.weight.fill_(1);
    expect(opened.tied.sum().item()).toBe(12);
    expect(mapTable<arrow.Table>(at("table.arrow")).getChild("tied")!.get(0)!.get(5)).toBe(5);
  });

  it("may come from apache-arrow's writer", () => {
    const table = torch.toArrowTable<arrow.Table>({
      x: numbered([4, 3], "float32"),
      y: numbered([4], "bfloat16"),
    });
    writeFileSync(at("library.arrow"), arrow.tableToIPC(table, "file"));
    const { x, y } = torch.openArrow(at("library.arrow"));
    expect(x.toArray()).toEqual(numbered([4, 3], "float32").toArray());
    expect([y.dtype, y.toArray()]).toEqual(["bfloat16", [0, 1, 2, 3]]);
  });
});
