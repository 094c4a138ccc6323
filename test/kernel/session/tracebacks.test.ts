import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../../dist/kernel/session/session.js";
import type { CellError } from "../../../kernel/session/events.js";

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "moelab-tracebacks-"));
  session = await Session.start({ cwd: folder });
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Shown {
  error: CellError | undefined;
  /** The traceback without colours. */
  text: string;
  printed: string;
}

async function run(code: string, cellName = "cell"): Promise<Shown> {
  let printed = "";
  const { error } = await session.execute({ code, cellName }, (event) => {
    if (event.type === "stream") printed += event.text;
  });
  return { error, text: stripVTControlCharacters(error?.traceback.join("\n") ?? ""), printed };
}

describe("a traceback", () => {
  it("shows each line of the user's with some around it, marked, and in colour", async () => {
    const { error, text } = await run(
      [
        "interface Gate {}",
        "function choose(experts: number): never {",
        '  const why = "none left ";',
        "  throw new RangeError(why + experts);",
        "}",
        "",
        "[8].map((experts) => choose(experts));",
      ].join("\n"),
    );
    expect(text).toBe(
      [
        "RangeError: none left 8",
        "    at choose (cell:4:9)",
        "        2 | function choose(experts: number): never {",
        '        3 |   const why = "none left ";',
        "      > 4 |   throw new RangeError(why + experts);",
        "          |         ^",
        "        5 | }",
        "    at cell:7:22",
        "      > 7 | [8].map((experts) => choose(experts));",
        "          |                      ^",
        "    at Array.map (<anonymous>)",
        "    at cell:7:5",
        "      > 7 | [8].map((experts) => choose(experts));",
        "          |     ^",
      ].join("\n"),
    );
    expect(error?.traceback[0]).toBe("\u001b[31mRangeError: none left 8\u001b[39m");
    expect(error?.traceback[1]).toBe("    \u001b[1mat choose (cell:4:9)\u001b[22m");
  });

  it("follows async functions and causes, also ones that form a ring", async () => {
    const { text } = await run(`
async function load() {
  await new Promise((resolve) => setTimeout(resolve, 1));
  throw new Error("outer", { cause: new TypeError("inner", { cause: 7 }) });
}
async function start() {
  await load();
}
await start();`);
    expect(text).toMatch(/^ {4}at async start \(cell:7:3\)$/m);
    expect(text).toMatch(/^ {2}\[cause\]: TypeError: inner$/m);
    expect(text).toMatch(/^ {4}\[cause\]: 7$/m);
    const ring = await run("const ring: any = new Error('ring'); ring.cause = ring; throw ring;");
    expect(ring.text).toContain("[cause]: Error: ring (shown above)");
    const long =
      "let chain: any = new Error('0'); for (let i = 1; i < 100; i++) chain = new Error(String(i), { cause: chain });";
    expect((await run(`${long}\nthrow chain;`)).text.split("\n").length).toBeLessThan(60);
  });

  it("shows the errors within an AggregateError, each with its line", async () => {
    const { text } = await run(
      'await Promise.any([\n  Promise.reject(new RangeError("one")),\n  Promise.reject("two"),\n]);',
    );
    expect(text).toMatch(/\[error\]: RangeError: one\n {6}at cell:2:18/);
    expect(text).toContain("[error]: 'two'");
  });

  it("stays short for errors within errors within errors", async () => {
    const { text } = await run(`const nest = (depth: number): Error => depth === 0 ? new Error("innermost") :
  new AggregateError(Array.from({ length: 12 }, () => nest(depth - 1)), "level " + depth);
throw nest(3);`);
    expect(text).toMatch(/^AggregateError: level 3\n/);
    expect(text).toContain("… 2 more errors");
    expect(text.split("\n").length).toBeLessThan(600);
    const same = await run("const one = new Error('one'); throw new AggregateError([one, one]);");
    expect(same.text).toContain("[error]: Error: one (shown above)");
  });

  it("says of recursion only how much there was", async () => {
    const { text } = await run("const down = (n: number): number => down(n + 1) + 1;\ndown(0);");
    expect(text).toContain("RangeError: Maximum call stack size exceeded");
    expect(text).toMatch(/… \d+ frames, as above/);
    expect(text.split("\n").length).toBeLessThan(15);
  });

  it("hides what Node and moelab do inside, not what the user called", async () => {
    const node = (await run('require("node:fs").readFileSync("nowhere");')).text;
    expect(node).toMatch(
      /^Error: ENOENT.*\n {4}at (\w+\.)?readFileSync \(node:fs:\d+:\d+\)\n {4}at cell:1:20\n/,
    );
    expect(node).toContain("    { errno: -2, code: 'ENOENT', syscall: 'open', path: 'nowhere' }");
    const api = (await run('import { torch } from "moelab";\ntorch.ones([2, 3]).matmul(torch.ones([2, 3]));'))
      .text;
    expect(api).toMatch(/at .* \(moelab\/torch\/\w+\.js:\d+:\d+\)\n {4}at cell:2:20\n/);
    expect(api).not.toMatch(/file:|\/kernel\//);
    const kernel = (await run("display.table(7)")).text;
    expect(kernel.split("\n").slice(1)).toEqual([
      "    at cell:1:9",
      "      > 1 | display.table(7)",
      "          |         ^",
    ]);
  });

  it("shows lines of imported files, also of plain JavaScript", async () => {
    writeFileSync(join(folder, "old.cjs"), "module.exports = () => {\n  throw new Error('old');\n};\n");
    const { text } = await run('import old from "./old.cjs";\nold();');
    expect(text).toContain("    at module.exports (old.cjs:2:9)\n        1 | module.exports");
  });

  it("finds the call of code that eval made", async () => {
    const { text } = await run("const a = 1;\neval('let b;\\n b.c');");
    expect(text).toMatch(/^TypeError: .*\n {4}at eval \(<anonymous>:2:4\)\n {4}at cell:2:1\n/);
    expect((await run("eval('let = 1')")).text).toMatch(/^SyntaxError: .*\n {4}at cell:1:1\n/);
  });

  it("names the earlier cell of timers, promises and listeners", async () => {
    await run(
      'import { EventEmitter } from "node:events";\nconst emitter = new EventEmitter().on("step", () => {\n  throw new Error("heard");\n});',
      "first",
    );
    expect((await run('emitter.emit("step");', "second")).text).toMatch(
      /at EventEmitter\.<anonymous> \(first:3:9\)[\s\S]*at EventEmitter\.emit \(node:events[\s\S]*at second:1:9/,
    );
    const pause = "await new Promise((resolve) => setTimeout(resolve, 30));";
    const late = await run(`setTimeout(() => emitter.emit("step"), 1);\n${pause}`, "third");
    expect(late.printed).toMatch(/^Uncaught: Error: heard\n {4}at EventEmitter\.<anonymous> \(first:3:9\)/);
    expect(late.printed).not.toContain("\u001b");
    const rejected = await run(
      `void (async () => { await null; emitter.emit("step"); })();\n${pause}`,
      "fourth",
    );
    expect(rejected.printed).toMatch(/^Unhandled rejection: Error: heard[\s\S]*at fourth:1:41/);
  });

  it("shows whatever is thrown", async () => {
    for (const [thrown, name, message] of [
      ["7", "number", "7"],
      ["'text'", "string", "'text'"],
      ["null", "object", "null"],
      ["{ code: 1 }", "object", "{ code: 1 }"],
      ["new Proxy({}, { get() { throw 1; } })", "object", "{}"],
    ]) {
      const { error, text } = await run(`throw ${thrown};`);
      expect({ ...error, traceback: text }).toEqual({ name, message, traceback: `Thrown: ${message}` });
    }
  });

  it("survives errors that cannot be read", async () => {
    const strange = `class Strange extends Error {
  get message(): string { throw new Error("no message"); }
  get stack(): string { throw new Error("no stack"); }
  get cause(): unknown { throw new Error("no cause"); }
  get name(): any { return 7; }
}`;
    expect((await run(`${strange}\nthrow new Strange();`)).error).toMatchObject({
      name: "Strange",
      message: "(its message cannot be read)",
    });
    const changed = await run(
      "const changed = new Error('old'); changed.message = 'new\\nline'; throw changed;",
    );
    expect(changed.text).toMatch(/^Error: new\nline\n {4}at cell:1:17/);
    const huge = await run("throw new Error('x'.repeat(1e6));");
    expect(huge.error?.message).toMatch(/x… \(980000 more characters\)$/);
    const other = await run('(await import("node:vm")).runInNewContext("throw new TypeError(\'other\')");');
    expect(other.error).toMatchObject({ name: "TypeError", message: "other" });
  });
});

describe("type errors", () => {
  it("are all listed, each with its line, also those in imported files", async () => {
    writeFileSync(join(folder, "wrong.ts"), "export const a = 1;\nexport const b: number = 'x';\n");
    const { text } = await run('import { a } from "./wrong";\nconst c: string = a;\nconst d: string = 2;');
    expect(text).toBe(
      [
        "cell:2:7 - error TS2322: Type 'number' is not assignable to type 'string'.",
        "> 2 | const c: string = a;",
        "    |       ^",
        "cell:3:7 - error TS2322: Type 'number' is not assignable to type 'string'.",
        "> 3 | const d: string = 2;",
        "    |       ^",
        "wrong.ts:2:14 - error TS2322: Type 'string' is not assignable to type 'number'.",
        "> 2 | export const b: number = 'x';",
        "    |              ^",
        "To run it in spite of type errors, begin the cell with // @ts-nocheck.",
      ].join("\n"),
    );
    const many = await run(Array.from({ length: 60 }, (_, at) => `const v${at}: string = ${at};`).join("\n"));
    expect(many.text.split("\n").at(-2)).toBe("… 10 more errors");
  });
});
