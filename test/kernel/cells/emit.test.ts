import { describe, expect, it } from "vitest";
import { emit } from "../../../kernel/cells/emit.js";

/** The program without the strict prologue and the source's name. */
function script(code: string, shadowed = new Set<string>()): string {
  const lines = emit(code, "cell-1", shadowed).javascript.split("\n");
  return lines
    .slice(1)
    .filter((line) => line !== "" && line !== '"use strict";' && !line.startsWith("//#"))
    .join("\n");
}

describe("emit", () => {
  it("binds every top-level name by let", () => {
    expect(script("const a = 1; let b = 2; class C {}")).toBe(
      "let a = 1;\nlet b = 2;\nlet C = class C {\n};",
    );
    expect(script("f(); async function* f(x: number) { return x }")).toBe(
      "let f = async function* (x) { return x; };\nf();",
    );
  });

  it("turns var into a variable of the top level, wherever it stands", () => {
    expect(script("var a = 1, b; { var [c, { d }] = x(); }")).toBe(
      "let a;\nlet b;\nlet c;\nlet d;\nvoid (a = 1);\n{\n    void ([c, { d }] = x());\n}",
    );
    expect(script("for (var i = 0; i < 2; i++) { }")).toBe("let i;\nfor (i = 0; i < 2; i++) { }");
    expect(script("for (var { k } of ks) { }")).toBe("let k;\nfor ({ k } of ks) { }");
    expect(script("function f() { var inside = 1 }")).toBe("let f = function () { var inside = 1; };");
  });

  it("awaits imports, first of all and also when nothing uses them", () => {
    expect(script('a; import d, { type T, x as y } from "m"; import type { U } from "n";')).toBe(
      'let { default: d, x: y } = await moelab$cell.import("m", void 0, ["default", "x"]);\na;',
    );
    expect(script('import * as all from "m"; import "n";')).toBe(
      'let all = await moelab$cell.import("m");\nawait moelab$cell.import("n");',
    );
    expect(script('import j from "./j.json" with { type: "json" };')).toContain('{ with: { type: "json" } }');
    expect(script('const m = import("m"); import.meta.url')).toBe(
      'let m = moelab$cell.import("m");\nmoelab$cell.meta.url;',
    );
    expect(script('export { a } from "m"; export * from "n"; export type { T } from "o";')).toBe(
      'await moelab$cell.import("m");\nawait moelab$cell.import("n");',
    );
  });

  it("holds what the top level waits for, and leaves functions as they are", () => {
    expect(script("const x = [await a, { b: await f(await c) }];")).toBe(
      "let x = [await moelab$cell.holdUncaught(a), { b: await moelab$cell.holdUncaught(f(await moelab$cell.holdUncaught(c))) }];",
    );
    expect(script("(async () => await a)();")).toBe("(async () => await a)();");
    const guarded = script("try { await a; } catch { await b; } finally { await c; }");
    expect([...guarded.matchAll(/cell\.(\w+)\((\w)/g)].map(([, ...found]) => found)).toEqual([
      ["hold", "a"],
      ["holdUncaught", "b"],
      ["holdUncaught", "c"],
    ]);
  });

  it("keeps variables that are called like globals under another name", () => {
    const shadowed = new Set<string>();
    expect(script('import { setTimeout } from "node:timers/promises"; await setTimeout(5);', shadowed)).toBe(
      'let { setTimeout: setTimeout$cell } = await moelab$cell.import("node:timers/promises", void 0, ["setTimeout"]);\nawait moelab$cell.holdUncaught(setTimeout$cell(5));',
    );
    expect(
      script(
        "o.setTimeout; ({ setTimeout }); ({ setTimeout: 1 }); (setTimeout: any) => setTimeout",
        shadowed,
      ),
    ).toBe(
      "o.setTimeout;\n({ setTimeout: setTimeout$cell });\n({ setTimeout: 1 });\n(setTimeout) => setTimeout;",
    );
    expect(script("class A { setTimeout = setTimeout; m() { return setTimeout } }", shadowed)).toBe(
      "let A = class A {\n    setTimeout = setTimeout$cell;\n    m() { return setTimeout$cell; }\n};",
    );
    expect(script("clearTimeout(1)", shadowed)).toBe("clearTimeout(1);");
  });

  it("knows no this outside of functions", () => {
    expect(script("f(this, () => this); function g() { return this } class C { x = this; }")).toBe(
      "let g = function () { return this; };\nf((void 0), () => (void 0));\nlet C = class C {\n    x = this;\n};",
    );
  });

  it("knows whether a cell ends in an expression", () => {
    const ends = (code: string) => emit(code, "cell-1", new Set()).endsInExpression;
    expect(ends("1;\n// comment")).toBe(true);
    expect(ends("await f()")).toBe(true);
    expect(ends("1; const a = 2;")).toBe(false);
    expect(ends("var a = 2")).toBe(false);
    expect(ends("")).toBe(false);
  });

  it("tells the expression that a cell is, and nothing else", () => {
    const expression = (code: string) => emit(code, "cell-1", new Set()).expression;
    expect(expression("bag.list as number[]; // so far")).toBe("bag.list");
    expect(expression("({ a: 1 });;")).toBe("({ a: 1 })");
    expect(expression("let x = 1")).toBeUndefined();
    expect(expression("f(); g()")).toBeUndefined();
  });
});
