import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CompileOutcome } from "../../../dist/kernel/cells/compiler.js";
import { TslabCompiler } from "../../../dist/kernel/cells/tslabCompiler.js";
import { readSnippets, statementsOf } from "../equality/snippet.js";

/** A lean compiler, which starts sooner, says what a whole one would, or nothing. */

let folder: string;
let lean: TslabCompiler;
let whole: TslabCompiler;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "moelab-lean-"));
  lean = new TslabCompiler(folder, { documentation: false, lean: true });
  whole = new TslabCompiler(folder, { documentation: false });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the lean compiler says of cells, up to the first that it leaves to the whole one; both have to agree. */
function answers(...cells: string[]): CompileOutcome[] {
  lean.reset();
  whole.reset();
  const outcomes: CompileOutcome[] = [];
  for (const [number, cell] of cells.entries()) {
    const outcome = lean.compile(cell, `cell-${number}`);
    if (!outcome) break;
    expect(outcome).toEqual(whole.compile(cell, `cell-${number}`));
    expect(lean.state).toEqual(whole.state);
    outcomes.push(outcome);
  }
  return outcomes;
}

describe("a lean compiler", () => {
  it("agrees with a whole one on whatever it answers", () => {
    const snippets = readSnippets();
    const answered = snippets.filter(({ code }) => answers(code).length > 0);
    // The others import, or use what only Node has.
    expect(answered.length).toBeGreaterThan(30);
    const inPieces = answered
      .filter(({ whole }) => !whole)
      .flatMap(({ code }) => answers(...statementsOf(code)));
    expect(inPieces.length).toBeGreaterThan(100);
  }, 60_000);

  it.each([
    ["an expression", "1 + 1"],
    ["console", "for (const word of ['a', 'b'].map((s) => s.toUpperCase())) console.log(word);"],
    [
      "collections",
      "const counts = new Map<string, number[]>([['a', [1]]]); [...counts.entries()].at(-1)?.[1]",
    ],
    ["promises", "const all = await Promise.all([1, 2].map(async (n) => n + 1)); const first = all[0];"],
    [
      "generators",
      "function* numbers() { yield 1; return 'end'; } const sum = [...numbers()].reduce((a, b) => a + b);",
    ],
    ["using", "{ using held = { [Symbol.dispose]() {} }; }"],
    ["errors", "class Wrong extends RangeError { constructor(public at: number) { super(`wrong`); } }"],
    [
      "typed arrays",
      "const bytes = new Uint8Array([1, 2]); const part = bytes.subarray(1); const last = part.at(-1);",
    ],
    ["what cells find", "clearOutput(); const name = prompt('name?');"],
    ["a name of Node's", "const process = { own: true }; process.own"],
  ])("answers for %s", (_, cell) => {
    expect(answers(cell)).toMatchObject([{ ok: true }]);
  });

  it.each([
    ["a type error", "const wrong: string = 1;"],
    ["a syntax error", "const = 1"],
    ["an unknown name", "unknown"],
    ["an import", 'import { torch } from "moelab";'],
    ["an import of a type", 'let file: import("node:fs").Stats | undefined;'],
    ["an import in an expression", 'const fs = await import("node:fs");'],
    ["an import of CommonJS", 'import fs = require("node:fs");'],
    ["require", 'const fs = require("node:fs");'],
    ["import.meta", "import.meta.dirname"],
    ["an export from elsewhere", 'export * from "node:fs";'],
    ["an augmentation", "declare global { interface Array<T> { extra: T } }"],
    ["Node's globals", "setTimeout(() => {}, 1)"],
    ["Node's types", "let timer: NodeJS.Timeout | undefined;"],
    ["globals by name", "Object.keys(globalThis)"],
    ["a type of Node's where a fault is hidden", "// @ts-ignore\nconst url = new URL('a:b');"],
    ["a cell that is not checked", "// @ts-nocheck\nprocess.exitCode"],
    ["a reference", '/// <reference types="node" />\n1'],
    ["what console is", "const c = console;"],
    ["what console is, in pieces", "const { log } = console;"],
    ["what Console is", "let c: Console | undefined;"],
    ["a method of console that names types", "console.dir({}, { depth: 1 })"],
    ["display", "display.image(new Uint8Array())"],
    ["what Error is", "const E = Error;"],
    ["the type of Error", "let e: typeof Error;"],
    ["the keys of Error", "let e: keyof ErrorConstructor;"],
    ["a static member of Error", "class E extends Error { static stackTraceLimit = '1' }"],
    ["a static member of Error, in quotes", "class E extends Error { static 'stackTraceLimit' = '1' }"],
    ["a class derived from Error, as a value", "class E extends Error {}\nconst copy = { ...E };"],
  ])("leaves %s to a whole one", (_, cell) => {
    expect(answers(cell)).toEqual([]);
  });

  it("knows what earlier cells declared", () => {
    const cells = ["let n = 1; class E extends Error {} interface P { x: number }", "const p: P = { x: n };"];
    expect(answers(...cells, "throw new E();", "const copy = { ...E };")).toHaveLength(3);
    expect(answers(...cells, "const q: P = { y: n };")).toHaveLength(2);
  });
});
