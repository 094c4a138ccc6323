import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { NotebookFormatError, parseNotebook, readNotebook } from "../../../kernel/notebook/readNotebook.js";
import { formatNotebook, splitLines, writeNotebook } from "../../../kernel/notebook/writeNotebook.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "moelab-notebook-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const minimal = (cells: unknown[], minor = 5): string =>
  JSON.stringify({ nbformat: 4, nbformat_minor: minor, metadata: {}, cells });

/** What Jupyter's own library writes for the same notebook, after checking it against the schema. */
function nbformatWrites(path: string): string {
  const program = [
    "import nbformat, sys",
    "nb = nbformat.read(sys.argv[1], as_version=4)",
    "nbformat.validate(nb)",
    "nbformat.write(nb, sys.argv[1] + '.jupyter')",
  ].join("\n");
  const python = join(import.meta.dirname, "../../../.moelab/python/bin/python");
  execFileSync(python, ["-W", "error", "-c", program, path]);
  return readFileSync(`${path}.jupyter`, "utf8");
}

const rich = minimal([
  {
    cell_type: "markdown",
    id: "a",
    metadata: { tags: ["x"], "9": 1, "10": 2 },
    source: ["# Title\n", "![p](attachment:p.txt)"],
    attachments: { "p.txt": { "text/plain": "one\ntwo", "image/png": "aGk=\n" } },
  },
  {
    cell_type: "code",
    id: "b",
    metadata: { collapsed: true, trusted: true },
    source: "",
    execution_count: 3,
    outputs: [
      { output_type: "stream", name: "stdout", text: 'a\u2028b\u001cc\u0085\r\nd\f\n\ne\u0000\u007f"\\é👍' },
      {
        output_type: "execute_result",
        execution_count: 3,
        metadata: {},
        data: {
          "text/plain": ["1\n", "2"],
          "application/json": ["x", "y"],
          "image/png": "aGk=\n",
          "image/svg+xml": "<a>\n</a>",
        },
      },
      { output_type: "error", ename: "E", evalue: "v", traceback: ["t\nu"] },
    ],
  },
  { cell_type: "raw", id: "c", metadata: {}, source: "raw\n" },
]);

describe("writing", () => {
  it("gives the bytes that Jupyter's own writer gives", async () => {
    const path = join(folder, "rich.ipynb");
    await writeNotebook(path, parseNotebook(rich));
    expect(readFileSync(path, "utf8")).toBe(nbformatWrites(path));
  });

  it("keeps everything it read, also what it does not know", () => {
    const notebook = parseNotebook(
      JSON.stringify({
        ...JSON.parse(
          minimal([
            { cell_type: "code", id: "x1", metadata: { my: { deep: [1] } }, source: "1", outputs: [] },
          ]),
        ),
        metadata: { authors: [{ name: "Ada" }], kernelspec: { name: "other", display_name: "Other" } },
      }),
    );
    expect(parseNotebook(formatNotebook(notebook))).toEqual(notebook);
    expect(notebook.metadata.authors).toEqual([{ name: "Ada" }]);
    expect(notebook.cells[0].metadata).toEqual({ my: { deep: [1] } });
  });

  it("replaces the file in one step and leaves nothing else behind", async () => {
    const path = join(folder, "again.ipynb");
    for (let time = 0; time < 3; time++) await writeNotebook(path, parseNotebook(rich));
    expect(readdirSync(folder).filter((name) => name.includes("again"))).toEqual(["again.ipynb"]);
    await expect(writeNotebook(join(folder, "missing", "x.ipynb"), parseNotebook(rich))).rejects.toThrow(
      /ENOENT/,
    );
  });

  it("follows a symbolic link", async () => {
    writeFileSync(join(folder, "target.ipynb"), "old");
    symlinkSync("target.ipynb", join(folder, "link.ipynb"));
    await writeNotebook(join(folder, "link.ipynb"), parseNotebook(rich));
    expect((await readNotebook(join(folder, "target.ipynb"))).cells).toHaveLength(3);
    expect(realpathSync(join(folder, "link.ipynb"))).toBe(join(folder, "target.ipynb"));
  });

  it("splits a very long line without trouble", () => {
    const long = "x".repeat(20_000_000);
    expect(splitLines(`${long}\n${long}`).map((line) => line.length)).toEqual([20_000_001, 20_000_000]);
  });
});

describe("reading", () => {
  it("gives cells without a valid, unique id a new one", () => {
    const cell = (id?: string) => ({
      cell_type: "code",
      id,
      metadata: {},
      source: "",
      outputs: [],
      execution_count: null,
    });
    const notebook = parseNotebook(
      minimal([cell(), cell("kept"), cell("kept"), cell("no spaces"), cell("")], 4),
    );
    const ids = notebook.cells.map((each) => each.id);
    expect(ids[1]).toBe("kept");
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^[\w-]{1,64}$/);
    expect(notebook.nbformat_minor).toBe(5);
  });

  it.each([
    ["const x = 1;", /not a notebook: expected a JSON document.*\.ts/s],
    ["[]", /not a notebook: expected an object with "nbformat" and "cells", got a list/],
    ['{"name": "moelab"}', /got an object with name/],
    [
      '{"nbformat": 3, "nbformat_minor": 0, "worksheets": []}',
      /has nbformat 3\.0; expected 4\.0 to 4\.5.*nbconvert/,
    ],
    ['{"nbformat": 5, "nbformat_minor": 0}', /has nbformat 5\.0/],
    [minimal([], 9), /has nbformat 4\.9/],
    ['{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', /cells should be a list, got nothing/],
    [
      minimal([{ cell_type: "code", metadata: {}, source: 3 }]),
      /cells\[0\]\.source should be a string or a list of strings, got 3/,
    ],
    [
      minimal([{ cell_type: "heading", metadata: {}, source: "" }]),
      /cells\[0\]\.cell_type should be .*got "heading"/,
    ],
    [
      minimal([{ cell_type: "code", metadata: {}, source: "", outputs: [{ output_type: "pyout" }] }]),
      /cells\[0\]\.outputs\[0\]\.output_type should be .*got "pyout"/,
    ],
  ])("refuses %s", (text, message) => {
    expect(() => parseNotebook(text, "some.ipynb")).toThrow(NotebookFormatError);
    expect(() => parseNotebook(text, "some.ipynb")).toThrow(message);
    expect(() => parseNotebook(text, "some.ipynb")).toThrow(/some\.ipynb/);
  });
});
