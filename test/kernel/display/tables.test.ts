import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { rowsTable } from "../../../kernel/display/rowsTable.js";
import { type ShownValue, shownTable, shownValue } from "../../../kernel/display/shownValue.js";
import { excerptOf } from "../../../kernel/display/table.js";
import { tableText } from "../../../kernel/display/tableText.js";

const text = (value: unknown) => (shownValue(value) as ShownValue).data["text/plain"] as string;
const markdown = (value: unknown) => (shownValue(value) as ShownValue).data["text/markdown"] as string;

describe("a table of Arrow", () => {
  const table = arrow.tableFromArrays({
    id: Int32Array.from({ length: 100 }, (_, row) => row),
    share: Float32Array.from({ length: 100 }, (_, row) => row / 3),
    name: Array.from({ length: 100 }, (_, row) => (row === 1 ? null : `a|b_${row}`)),
  });

  it("is a Markdown table with types, its first and last rows, and how many there are", () => {
    const lines = markdown(table).split("\n");
    expect(lines[0]).toBe(
      "|  | id<br>*int32* | share<br>*float32* | name<br>*dictionary&lt;int32, utf8&gt;* |",
    );
    expect(lines[1]).toBe("| ---: | ---: | ---: | :--- |");
    expect(lines.slice(2, 4)).toEqual(["| 0 | 0 | 0 | a\\|b\\_0 |", "| 1 | 1 | 0.3333333 | null |"]);
    expect(lines[12]).toBe("| ⋮ | … | … | … |");
    expect(lines.slice(22)).toEqual([
      "| 99 | 99 | 33 | a\\|b\\_99 |",
      "",
      "*100 rows × 3 columns, 80 rows not shown*",
    ]);
  });

  it("is aligned as text", () => {
    const lines = text(table.slice(8, 11)).split("\n");
    expect(lines).toEqual([
      "      id     share  name",
      "   int32   float32  dictionary<int32, utf8>",
      "0      8  2.666667  a|b_8",
      "1      9         3  a|b_9",
      "2     10  3.333333  a|b_10",
      "3 rows × 3 columns",
    ]);
  });

  it("shows record batches, vectors and tables without rows", () => {
    expect(text(table.batches[0])).toContain("100 rows × 3 columns");
    expect(text(table.getChild("share"))).toContain("100 rows × 1 column");
    expect(text(table.slice(0, 0))).toMatch(/id {4}share[\s\S]*\n0 rows × 3 columns$/);
    expect(text(new arrow.Table())).toBe("0 rows × 0 columns");
  });

  it("shows values that Arrow gives as bare numbers or words as what they are, and nested ones", () => {
    const decimals = arrow.makeVector(
      arrow.makeData({
        type: new arrow.Decimal(2, 10, 128),
        data: new Uint32Array([12345, 0, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]),
      }),
    );
    const dates = arrow.vectorFromArray([new Date("2026-01-02"), null], new arrow.DateMillisecond());
    const lists = arrow.vectorFromArray([[1, 2, 3, 4, 5, 6, 7, 8, 9], null]);
    const structs = arrow.vectorFromArray([
      { a: 1n, b: { c: "x" } },
      { a: 2n, b: { c: "y" } },
    ]);
    const lines = text(new arrow.Table({ decimals, dates, lists, structs })).split("\n");
    expect(lines[2].trim().split(/ {2,}/)).toEqual([
      "0",
      "123.45",
      "2026-01-02",
      "[ 1, 2, 3, 4, 5, 6, ... 3 more items ]",
      "{ a: 1n, b: { c: 'x' } }",
    ]);
    expect(lines[3].trim().split(/ {2,}/)).toEqual([
      "1",
      "-0.01",
      "null",
      "null",
      "{ a: 2n, b: { c: 'y' } }",
    ]);
  });

  it("names the shape of tensors", () => {
    const type = new arrow.FixedSizeList(2, new arrow.Field("item", new arrow.Float32()));
    const metadata = new Map([
      ["ARROW:extension:name", "arrow.fixed_shape_tensor"],
      ["ARROW:extension:metadata", '{"shape":[1,2]}'],
    ]);
    const field = new arrow.Field("gates", type, false, metadata);
    const vector = arrow.vectorFromArray([[1, 2]], type);
    const children = [vector.data[0]];
    const schema = new arrow.Schema([field]);
    const struct = arrow.makeData({ type: new arrow.Struct(schema.fields), children });
    expect(text(new arrow.RecordBatch(schema, struct))).toContain("tensor<float32>[1, 2]");
  });
});

describe("display.table", () => {
  const shown = (value: unknown, columns?: string[]) =>
    tableText(excerptOf(rowsTable(value, columns))).split("\n");

  it("takes objects that have different properties, maps, arrays, columns and Arrow", () => {
    expect(
      shown([
        { a: 1, b: "x" },
        { a: 2.5, c: null },
      ]),
    ).toEqual(["     a  b     c", "0    1  x     null", "1  2.5  null  null", "2 rows × 3 columns"]);
    expect(shown([new Map([["k", 1]])])).toEqual(["   k", "0  1", "1 row × 1 column"]);
    expect(shown([[1, "b"]])[0]).toBe("   0  1");
    expect(shown({ step: [1, 2], loss: Float32Array.of(0.5, 0.25) }, ["loss"])).toEqual([
      "   loss",
      "0   0.5",
      "1  0.25",
      "2 rows × 1 column",
    ]);
    expect(shown(arrow.tableFromArrays({ a: [1] }), ["a"])[1]).toBe("   float64");
    expect(shown(new Set([7]))).toEqual(["   value", "0      7", "1 row × 1 column"]);
  });

  it("leaves out columns and rows in the middle", () => {
    const wide = [Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`c${at}`, at]))];
    const lines = shown(wide);
    expect(lines[0]).toMatch(/^ {3}c0 .* c9 {2}… {2}c40 .* c49$/);
    expect(lines.at(-1)).toBe("1 row × 50 columns, 30 columns not shown");
    const long = tableText(excerptOf(rowsTable(Array(7).fill(0)), { rows: 3 })).split("\n");
    expect(long.map((line) => line[0])).toEqual([" ", "0", "1", "⋮", "6", "7"]);
  });

  it("keeps what Markdown would take for its own", () => {
    const { data } = shownTable(rowsTable([{ "a*b": "<b>|`$1 and $2`\n\\" }]));
    expect(data["text/markdown"]).toContain("| a\\*b |");
    expect(data["text/markdown"]).toContain("`<b>\\|'$1 and $2'⏎\\`");
    expect(shownTable(rowsTable([["<b>&"]])).data["text/markdown"]).toContain("| &lt;b&gt;&amp; |");
  });

  it("says what it takes", () => {
    expect(() => rowsTable(7)).toThrow("display.table: expected rows (objects, arrays or maps)");
    expect(() => rowsTable({ a: 1 })).toThrow("got { a: 1 }");
    expect(() => rowsTable({ a: [1] }, ["b"])).toThrow('no column "b". The columns are: a.');
  });
});
