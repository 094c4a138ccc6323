import { describe, expect, it } from "vitest";
import type { CodeCell, Notebook } from "../../../kernel/notebook/format.js";
import { parameterDeclarations } from "../../../kernel/notebook/parameterDeclarations.js";
import { declaredType, injectParameters, readParameters } from "../../../kernel/notebook/parameters.js";

const code = (id: string, source: string, tags?: string[]): CodeCell => ({
  cell_type: "code",
  id,
  source,
  metadata: tags ? { tags } : {},
  execution_count: null,
  outputs: [],
});
const notebookOf = (...cells: CodeCell[]): Notebook => ({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {},
  cells,
});
const declaring = (source: string): Notebook =>
  notebookOf(code("p", source, ["parameters"]), code("c", "lr"));

/** The source that is injected for the given texts. */
const injected = (source: string, ...texts: string[]): string => {
  const notebook = declaring(source);
  return injectParameters(notebook, readParameters(notebook, texts)).cells[1].source.replace(
    "// Parameters\n",
    "",
  );
};

describe("declarations", () => {
  it("are read with type, default and comment", () => {
    const source = `
// Heading of the cell.

const lr = 3e-4; // learning rate
/** Number of
 *  optimiser steps. */
let steps: number = 10 * 20;
// unit: tokens
// per step
var batch = -1
let name = "a" + steps, flag = !true; // both
const { ignored } = { ignored: 1 };
function notOne() {}
let open: string | null;
`;
    expect(
      parameterDeclarations(source).map((each) => [
        each.name,
        declaredType(each),
        each.defaultText,
        each.comment,
      ]),
    ).toEqual([
      ["lr", "number", "3e-4", "learning rate"],
      ["steps", "number", "10 * 20", "Number of optimiser steps."],
      ["batch", "number", "-1", "unit: tokens per step"],
      ["name", "string", '"a" + steps', ""],
      ["flag", "boolean", "!true", "both"],
      ["open", "string | null", undefined, ""],
    ]);
  });

  it.each([
    ["[1, 2]", "number[]"],
    ['[1, "a"]', "(number | string)[]"],
    ["[]", "any[]"],
    ["{ a: 1, b: [true], 'c d': { e: null } }", '{ a: number; b: boolean[]; "c d": { e: any } }'],
    ["[1, 2] as const", "number[]"],
    ["1 as number | undefined", "number | undefined"],
    ["10n ** 2n", "bigint"],
    ["Math.PI * 2", "number"],
    ["Math.max(1, 2)", "number"],
    ["true ? 1 : 'x'", "number | string"],
    ["`x`", "string"],
    ["Infinity", "number"],
    ["new Date()", "any"],
    ["process.env.X ?? 'a'", "any"],
  ])("infer %s as %s", (expression, type) => {
    expect(declaredType(parameterDeclarations(`let x = ${expression}`)[0])).toBe(type);
  });
});

describe("values", () => {
  it.each([
    ["const lr = 1e-3", "lr=3e-4", "const lr = 0.0003;"],
    ["let n = 1", "n=1_000", "let n = 1000;"],
    ["let n = 1", "n=-0x10", null],
    ["let n = 1", "n=0x10", "let n = 16;"],
    ["let n: number = 1", "n=-Infinity", "let n: number = -Infinity;"],
    ["let n = 1", "n=1.5.2", null],
    ["let n = 1", "n=", null],
    ["let n = 1", "n=true", null],
    ["var s = ''", "s=3", 'var s = "3";'],
    ["let s = ''", 's=a=b"\n', 'let s = "a=b\\"\\n";'],
    ["let b = false", "b=true", "let b = true;"],
    ["let b = false", "b=1", null],
    ["let big = 1n", "big=12345678901234567890", "let big = 12345678901234567890n;"],
    ['let m: "a" | "b" = "a"', "m=b", 'let m: "a" | "b" = "b";'],
    ['let m: "a" | "b" = "a"', "m=c", null],
    ["let k: 1 | 2 = 1", "k=2", "let k: 1 | 2 = 2;"],
    ["let k: 1 | 2 = 1", "k=3", null],
    ["let v: string | number = 1", "v=2", "let v: string | number = 2;"],
    ["let v: string | null = null", "v=null", "let v: string | null = null;"],
    ["const a = [1, 2]", "a=[]", "const a: number[] = [];"],
    ["const a = [1, 2]", 'a=[1,"x"]', null],
    ["const a = [1, 2]", "a=1,2", null],
    ["const a: readonly number[] = []", "a=[3]", "const a: readonly number[] = [3];"],
    ["const t: [number, x: string] = [1, '']", 't=[2,"y"]', 'const t: [number, x: string] = [2, "y"];'],
    ["const t: [number, string] = [1, '']", "t=[2]", null],
    ["const o = { a: 1 }", 'o={"a":2}', "const o: { a: number } = { a: 2 };"],
    ["const o = { a: 1 }", 'o={"b":2}', null],
    ["const o = { a: 1 }", "o={}", null],
    ["const o: { a?: number } = {}", "o={}", "const o: { a?: number } = {};"],
    [
      "const r: Record<string, number> = {}",
      'r={"x y":1}',
      'const r: Record<string, number> = { "x y": 1 };',
    ],
    ["const r: Record<string, number> = {}", 'r={"x":"1"}', null],
    ["interface O { n: number }\nlet o: O = { n: 1 }", 'o={"n":"x"}', null],
    ["type Gate = 'a' | 'b'; let g: Gate = 'a'", "g=c", null],
    ["type Gate = 'a' | 'b'; let g: Gate = 'a'", "g=b", 'let g: Gate = "b";'],
    ["let d = new Date()", "d=5", "let d = 5;"],
    ["let u: Imported = make()", "u=x y", 'let u: Imported = "x y";'],
  ])("in %s: -p %s gives %s", (source, text, expected) => {
    if (expected === null) expect(() => injected(source, text)).toThrow(/expected .* got |is missing/s);
    else expect(injected(source, text)).toBe(expected);
  });

  it("say what was expected, what came, and what there is", () => {
    const source = "const lr = 1e-3; let steps = 10; let layers = [1]";
    expect(() => injected(source, "lr=fast")).toThrow(
      'parameter "lr": expected number, got fast; known are lr: number, steps: number, layers: number[].',
    );
    expect(() => injected(source, "step=3")).toThrow(
      /unknown parameter "step"; known are .* Did you mean "steps"\?/,
    );
    expect(() => injected(source, "lr")).toThrow(/expected name=value/);
    expect(() => injected(source, 'layers=[1,"x"]')).toThrow('expected number at [1], got "x"');
    expect(() => readParameters(notebookOf(code("a", "1")), ["x=1"])).toThrow(
      /the notebook has none.*"parameters"/,
    );
  });
});

describe("injection", () => {
  it("puts a tagged cell after the parameters and keeps the rest", () => {
    const notebook = declaring("const lr = 1");
    const result = injectParameters(notebook, new Map([["lr", 2]]));
    expect(result.cells.map((cell) => cell.metadata.tags)).toEqual([
      ["parameters"],
      ["injected-parameters"],
      undefined,
    ]);
    expect(notebook.cells).toHaveLength(2);
    expect(injectParameters(notebook, new Map())).toBe(notebook);
  });

  it("replaces the cell of an earlier run", () => {
    const once = injectParameters(declaring("const lr = 1"), new Map([["lr", 2]]));
    const twice = injectParameters(once, new Map([["lr", 3]]));
    expect(twice.cells).toHaveLength(3);
    expect(twice.cells[1]).toEqual({ ...once.cells[1], source: "// Parameters\nconst lr = 3;" });
  });
});
