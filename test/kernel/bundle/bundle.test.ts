import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../../dist/kernel/bundle/bundle.js";
import type { Bundle } from "../../../dist/kernel/bundle/loadProgram.js";
import { loadProgram } from "../../../dist/kernel/bundle/loadProgram.js";
import { makeBundles } from "../../../dist/kernel/bundle/makeBundles.js";
import { anyChanged } from "../../../dist/kernel/bundle/stamp.js";

let folder: string;
const program = () => join(folder, "program.js");

const files = {
  "package.json": '{ "type": "module" }',
  "program.js": `import { createRequire } from "node:module";
import path, { basename } from "node:path";
import * as part from "./part.js";
import counted, { count, increment } from "./part.js";
import inside from "inside";
const load = createRequire(import.meta.url);
increment();
export { count };
export const seen = [counted, part.count, basename(path.join("a", "b")), inside.kind, load("./data.json").word];
export const later = () => import("./later.js");
export const outside = () => load("outside");
export const place = import.meta.url;
export const wide = "–𝒳";
`,
  "part.js": `import { nameOfPart } from "./circle.js";
export let count = 1;
export function increment() { count++; }
export const partName = () => "part";
export default nameOfPart;
`,
  "circle.js": 'import { partName } from "./part.js";\nexport const nameOfPart = () => partName();\n',
  "later.js": 'export const late = "late";\n',
  "data.json": '{ "word": "data" }',
  "node_modules/inside/index.js": 'exports.kind = "inside";\n',
  "node_modules/outside/index.js": 'exports.kind = "outside";\n',
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "moelab-bundle-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bundled(): { text: string; result: Bundle } {
  const text = bundle(program(), { leftOut: [], includes: (name) => name === "inside" });
  return { text, result: runInThisContext(text) };
}

const plain = ({ seen, count }: any) => [seen[0](), ...seen.slice(1), count];

describe("a bundle", () => {
  it("does what its files do", async () => {
    const { text, result } = bundled();
    const exports: any = result.run(createRequire(program()), nodeModule);
    const url = pathToFileURL(program()).href;
    const own = await import(url);
    expect(plain(exports)).toEqual(["part", 2, "b", "inside", "data", 2]);
    expect(plain(exports)).toEqual(plain(own));
    expect([exports.place, exports.wide]).toEqual([url, own.wide]);
    expect((await exports.later()).late).toBe("late");
    expect(text).toMatch(/^[\0-\x7f]*$/);
  });

  it("leaves packages out that are not included, until they are asked for", () => {
    const { text, result } = bundled();
    expect(text).not.toContain('exports.kind = "outside"');
    const exports: any = result.run(createRequire(program()), nodeModule);
    expect(exports.outside().kind).toBe("outside");
  });

  it("knows whether one of its files has changed", () => {
    const { result } = bundled();
    expect(result.files.map(([file]) => file)).toContain(join(folder, "circle.js"));
    expect(anyChanged(result.files)).toBe(false);
    writeFileSync(join(folder, "circle.js"), `${files["circle.js"]}\n`);
    expect(anyChanged(result.files)).toBe(true);
  });
});

describe("a program of the kernel", () => {
  const dist = join(import.meta.dirname, "../../../dist/kernel");
  const isFromFiles = (exports: object) => Object.prototype.toString.call(exports) === "[object Module]";

  it("comes from its bundle as long as that is of today, else from its files", async () => {
    makeBundles();
    expect(isFromFiles(await loadProgram("commands"))).toBe(false);
    const file = join(dist, "usage.js");
    const { atime, mtime } = statSync(file);
    utimesSync(file, atime, new Date(mtime.getTime() + 1000));
    try {
      expect(isFromFiles(await loadProgram("commands"))).toBe(true);
    } finally {
      utimesSync(file, atime, mtime);
    }
  });

  it("is compiled code that V8 takes", () => {
    const script = `import { readBundle } from ${JSON.stringify(join(dist, "bundle/loadProgram.js"))};
      console.log(["commands", "executor", "control"].map((name) => readBundle(name).cachedDataRejected).join());`;
    const args = ["--input-type=module", "--eval", script];
    expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toBe("false,false,false\n");
  });
});
