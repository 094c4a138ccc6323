import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SeparateCompiler } from "../../../dist/kernel/cells/separateCompiler.js";
import { diagnosticLines } from "../../../kernel/cells/diagnosticText.js";

let folder: string;
let compiler: SeparateCompiler;
let cells = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "moelab-compiler-"));
  compiler = new SeparateCompiler({ directory: folder, documentation: true });
});
afterAll(async () => {
  await compiler.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The lines that a cell's faults would be shown as; empty when it compiles. */
async function faults(code: string): Promise<string[]> {
  const name = `cell-${++cells}`;
  const outcome = await compiler.compile(code, name);
  if (outcome.ok) return [];
  return diagnosticLines(outcome.diagnostics, name, code, folder).map(stripVTControlCharacters);
}

describe("a compiler of cells", () => {
  it("shows a type error at its place, with its explanation", async () => {
    expect(await faults("const a = 1;\nconst o: { x: { y: string } } = { x: { y: a } };")).toEqual([
      "cell-1:2:40 - error TS2322: Type 'number' is not assignable to type 'string'.",
      "> 2 | const o: { x: { y: string } } = { x: { y: a } };",
      "    |                                        ^",
    ]);
    expect((await faults("declare const u: { p: string }; const w: { p: number } = u;"))[0]).toMatch(
      /error TS2322: Type .*\n {4}Types of property 'p' are incompatible\.\n/,
    );
  });

  it("knows what earlier cells declared, and what replaced it", async () => {
    expect(await faults("interface Point { x: number }\nconst point: Point = { x: 1 };")).toEqual([]);
    expect(await faults("point.x.toFixed(1)")).toEqual([]);
    expect(await faults("function point(n: string) { return n }")).toEqual([]);
    expect(await faults('point("a").length')).toEqual([]);
    expect(await faults("point.x")).not.toEqual([]);
  });

  it("keeps of a declaration what was not declared anew, with its documentation", async () => {
    const declared = `/** How long. */ const long = 1; let left = 1, right = "", { inner, ...others } = { inner: 1, o: 2 };
      import fs, { readFileSync, statSync as stat } from "node:fs";`;
    expect(await faults(declared)).toEqual([]);
    expect(await faults("const left = '', readFileSync = 5;")).toEqual([]);
    expect(
      await faults("left.length; readFileSync.toFixed(); right.at(0); inner; others.o; fs.existsSync; stat"),
    ).toEqual([]);
    expect(await faults("left.toFixed()")).toHaveLength(3);
    expect((await compiler.inspect("long", 1))?.documentation).toContain("How long.");
  });

  it("is strict, but takes what a notebook needs", async () => {
    expect(await faults("function f(x) { return x }")).not.toEqual([]);
    expect(await faults("export const exported = 1;\nexport { exported };")).toEqual([]);
    expect(
      await faults("exported + 1; await 1; setTimeout(() => {}, 1); process.argv; Buffer.alloc(1)"),
    ).toEqual([]);
    expect(await faults("const hidden = new (class { private secret = 1; open = 2 })();")).toEqual([]);
    expect(await faults("hidden.open")).toEqual([]);
    expect(
      await faults("display({}, { displayId: 'a' }); const answer: string | null = prompt('?');"),
    ).toEqual([]);
  });

  it("says clearly what cells have not", async () => {
    expect((await faults("const page = <b>bold</b>;"))[0]).toMatch(
      /:1:14 - error TS17004: JSX is not available/,
    );
    expect((await faults("if (true) return 5;"))[0]).toMatch(
      /:1:11 - error TS1108: A 'return' statement can only/,
    );
  });

  it("keeps namespaces, their aliases and augmentations as long as nothing replaces them", async () => {
    expect(await faults("namespace Geo { export const unit = 1; export type Size = number }")).toEqual([]);
    expect(await faults("declare global { interface Array<T> { own(): T } }\nimport Alias = Geo;")).toEqual(
      [],
    );
    expect(await faults("const unrelated = 1;")).toEqual([]);
    expect(await faults("const size: Geo.Size = Alias.unit + [1].own();")).toEqual([]);
    expect(await faults("namespace Geo { export const other = 2 }")).toEqual([]);
    expect(await faults("Geo.other.toFixed(1)")).toEqual([]);
    expect(await faults("Geo.unit")).not.toEqual([]);
  });

  it("sees files that are written or change between cells", async () => {
    expect((await faults('import { value } from "./written.js";'))[0]).toContain("TS2307");
    writeFileSync(join(folder, "written.ts"), "export const value: number = 1;\n");
    expect(await faults('import { value } from "./written.js"; value.toFixed()')).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(join(folder, "written.ts"), 'export const value: string = "";\n');
    expect(await faults('import { value as text } from "./written.js"; text.length')).toEqual([]);
  });

  it("shows the faults of imported files and of those that they import", async () => {
    writeFileSync(join(folder, "deeper.ts"), "export const n: number = 'text';\n");
    writeFileSync(join(folder, "near.ts"), 'export { n } from "./deeper.js";\n');
    expect(await faults('import { n } from "./near"; n')).toEqual([
      "deeper.ts:1:14 - error TS2322: Type 'string' is not assignable to type 'number'.",
      "> 1 | export const n: number = 'text';",
      "    |              ^",
    ]);
    expect(await faults("1 + 1")).toEqual([]);
    writeFileSync(join(folder, "deeper.ts"), "export const n: number = 1;\n// mended\n");
    expect(await faults('import { n } from "./near"; n')).toEqual([]);
  });

  it("gives documentation of what is installed", async () => {
    const told = await compiler.inspect("process.cwd()", 10);
    expect(told?.documentation).toContain("current working directory");
  });

  it("takes packages without types", async () => {
    expect(await faults("const u = require('anything'); u.x.y")).toEqual([]);
  });

  it("completes by prefix only", async () => {
    await faults("const target = { alpha: 1, alphabet: 2, betalpha: 3 };");
    const { completions, start, end } = await compiler.complete("target.alp", 10);
    expect(completions.map(({ text }) => text)).toEqual(["alpha", "alphabet"]);
    expect([start, end]).toEqual([7, 10]);
  });

  it("forgets everything when reset", async () => {
    await faults("const forgotten = 1;");
    await compiler.reset();
    expect((await faults("forgotten"))[0]).toContain("TS2304");
  });
});
