import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../../dist/kernel/session/session.js";
import type { ExecuteOutcome, SessionEvent } from "../../../kernel/session/events.js";

let folder: string;
let session: Session;
const late: [string, SessionEvent][] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "moelab-session-"));
  session = await Session.start({
    cwd: folder,
    env: { ...process.env, MARK: "from the session" },
    onBackground: (event, cellId) => late.push([cellId, event]),
  });
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(
  code: string,
  request = {},
  events: SessionEvent[] = [],
): Promise<{ outcome: ExecuteOutcome; events: SessionEvent[] }> {
  const outcome = await session.execute({ code, ...request }, (event) => events.push(event));
  return { outcome, events };
}

async function result(code: string): Promise<unknown> {
  const { outcome, events } = await run(code);
  expect(outcome.error).toBeUndefined();
  const shown = events.find((event) => event.type === "result");
  return shown?.type === "result" ? shown.data["text/plain"] : undefined;
}

/** The lines of a cell's error, without colours. */
async function traceback(code: string, request = {}): Promise<string[]> {
  const { outcome } = await run(code, request);
  return (outcome.error?.traceback ?? []).map(stripVTControlCharacters);
}

/** Interrupts some time after the cell has begun; gives the milliseconds from there to its end. */
async function interrupted(code: string, times = 1): Promise<number> {
  const events: SessionEvent[] = [];
  const running = run(`console.log("begun"); ${code}`, {}, events);
  let start = 0;
  while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let time = 0; time < times; time++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    start = performance.now();
    await session.interrupt();
  }
  const { outcome } = await running;
  expect(outcome.status).toBe("interrupted");
  expect(outcome.error?.name).toBe("KernelInterrupt");
  return performance.now() - start;
}

const host = 'const host = (globalThis as any)[Symbol.for("moelab.host")];';

describe("a session", () => {
  it("runs cells in its directory and environment, in order", async () => {
    const first = run("await new Promise((r) => setTimeout(r, 100)); console.log('first'); const one = 1;");
    const second = run("one + 1");
    expect((await first).events).toEqual([{ type: "stream", name: "stdout", text: "first\n" }]);
    expect((await second).events).toMatchObject([{ type: "result", data: { "text/plain": "2" } }]);
    expect(await result("process.cwd()")).toBe(`'${folder}'`);
    expect(await result("process.env.MARK")).toBe("'from the session'");
  });

  it("waits for a promise that is a cell's value, not for other thenables", async () => {
    expect(await result("new Promise((resolve) => setTimeout(resolve, 5, 4))")).toBe("4");
    expect(await result("({ then: (done: () => void) => {} })")).toBe("{ then: [Function: then] }");
    expect((await run("Promise.reject(new RangeError('no'))")).outcome.error?.name).toBe("RangeError");
  });

  it("names cells as asked", async () => {
    const lines = await traceback("const x = 1;\nthrow new Error('e');", { cellName: "setup" });
    expect(lines[1]).toBe("    at setup:2:7");
  });

  it("installs a host that displays in order, updates and clears", async () => {
    const { events } = await run(`${host}
      host.display({ "text/plain": "a" }, { displayId: "i", metadata: { "text/plain": { m: 1 } } });
      console.log("between");
      host.display({ "text/plain": "b" }, { displayId: "i", update: true });
      host.clearOutput(true);`);
    expect(events).toEqual([
      { type: "display", data: { "text/plain": "a" }, metadata: { "text/plain": { m: 1 } }, displayId: "i" },
      { type: "stream", name: "stdout", text: "between\n" },
      { type: "updateDisplay", data: { "text/plain": "b" }, metadata: {}, displayId: "i" },
      { type: "clearOutput", wait: true },
    ]);
    expect((await run("host.display({ 'text/plain': 1n })")).outcome.error?.name).toBe("TypeError");
  });

  it("imports the user's files as they are now, TypeScript with or without extension", async () => {
    writeFileSync(join(folder, "inner.ts"), "export enum Kind { A = 1 }\n");
    writeFileSync(
      join(folder, "outer.ts"),
      'import { Kind } from "./inner";\nexport const kind: number = Kind.A;\n',
    );
    expect(await result('import { kind } from "./outer.js"; kind')).toBe("1");
    expect(await result('(await import("./outer")).kind')).toBe("1");
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(join(folder, "outer.ts"), 'export const kind: string = "edited";\n');
    expect(await result('import { kind } from "./outer.js"; kind.toUpperCase()')).toBe("'EDITED'");
  });

  it("imports folders, CommonJS and JavaScript that imports TypeScript", async () => {
    mkdirSync(join(folder, "parts"));
    writeFileSync(join(folder, "parts", "index.ts"), "export const part = 'index' as const;\n");
    writeFileSync(join(folder, "old.cts"), "const old: number = 7;\nexport = { old };\n");
    writeFileSync(join(folder, "plain.mjs"), 'export { part } from "./parts";\n');
    expect(await result('import { part } from "./parts"; part')).toBe("'index'");
    expect(await result('import cjs from "./old.cjs"; cjs.old')).toBe("7");
    expect(await result('(await import("./plain.mjs" as string)).part')).toBe("'index'");
    expect(await result('import.meta.resolve("./parts")')).toBe(`'file://${folder}/parts/index.ts'`);
  });

  it("imports a file anew when a file that it imports was written", async () => {
    const write = (name: string, code: string) => writeFileSync(join(folder, name), code);
    write("base.ts", "export const base: number = 1;\n");
    write("middle.ts", 'export { base } from "./base";\n');
    write("top.ts", 'export { base } from "./middle.js";\nexport const made = Math.random();\n');
    write("other.ts", 'export { base } from "./base.ts";\n');
    const numbers = async () => [
      await result('(await import("./top.ts")).base'),
      await result('(await import("./other.ts")).base'),
    ];
    const made = await result('(await import("./top.ts")).made');
    expect(await numbers()).toEqual(["1", "1"]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    write("base.ts", "export const base: number = 2;\n");
    expect(await numbers()).toEqual(["2", "2"]);
    const again = await result('(await import("./top.ts")).made');
    expect(again).not.toBe(made);
    expect(await result('(await import("./top.ts")).made')).toBe(again);
    write("top.ts", 'export * from "./missing.js";\n');
    expect((await run('await import("./top.ts" as string)')).outcome.error?.message).toContain("missing.js");
    write("missing.ts", "export const found = true;\n");
    expect(await result('(await import("./top.ts" as string)).found')).toBe("true");
  });

  it("names TypeScript lines of imported files, also after an edit", async () => {
    const write = (lines: number) =>
      writeFileSync(
        join(folder, "fault.ts"),
        `${"interface Line {\n}\n".repeat(lines)}export function fault(): never {\n  throw new Error("e");\n}\n`,
      );
    const place = async () => {
      return (await traceback('import { fault } from "./fault";\nfault();')).slice(1, 5);
    };
    write(1);
    expect(await place()).toEqual([
      "    at fault (fault.ts:4:9)",
      "        2 | }",
      "        3 | export function fault(): never {",
      '      > 4 |   throw new Error("e");',
    ]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    write(3);
    expect((await place())?.[0]).toBe("    at fault (fault.ts:8:9)");
    writeFileSync(join(folder, "fault.cts"), "interface A {\n}\nthrow new Error('old');\n");
    expect((await traceback('await import("./fault.cts" as string)'))[1]).toContain("fault.cts:3:7");
  });

  it("takes moelab from the running installation, wherever the notebook lies", async () => {
    const { outcome } = await run(
      'import * as moelab from "moelab"; const api: typeof import("moelab") = moelab;',
    );
    expect(outcome.error).toBeUndefined();
    writeFileSync(join(folder, "uses.ts"), 'export { train } from "moelab";\n');
    expect(await result('import { train } from "./uses.js"; train === moelab.train')).toBe("true");
  });

  it("gives late output to the cell that caused it", async () => {
    await run("setTimeout(() => console.log('late'), 200)", { id: "early" });
    await run("await new Promise((r) => setTimeout(r, 400))", { id: "later" });
    expect(late).toEqual([["early", { type: "stream", name: "stdout", text: "late\n" }]]);
  });

  it("gives what work in the background outputs to the cell that started it, while others run", async () => {
    late.length = 0;
    await run(
      `import { scheduler } from "node:timers/promises";
      import { readFile } from "node:fs/promises";
      display({ "text/plain": "0" }, { raw: true, displayId: "progress" });
      const work = (async () => {
        for (let step = 1; step <= 40; step++) {
          const until = performance.now() + 5;
          while (performance.now() < until);
          await scheduler.yield();
          if (step % 20 === 0) {
            console.log("step", step);
            display({ "text/plain": String(step) }, { raw: true, displayId: "progress", update: true });
          }
        }
      })();`,
      { id: "trains" },
    );
    const reads = "for (let i = 0; i < 5; i++) { await readFile('/dev/null'); console.log('read', i); }";
    const { events } = await run(reads, { id: "reads" });
    expect(events.map((event) => (event.type === "stream" ? event.text : event.type)).join("")).toBe(
      "read 0\nread 1\nread 2\nread 3\nread 4\n",
    );
    await run("await work", { id: "waits" });
    const update = (step: string) => ({
      type: "updateDisplay",
      data: { "text/plain": step },
      metadata: {},
      displayId: "progress",
    });
    expect(late).toEqual([
      ["trains", { type: "stream", name: "stdout", text: "step 20\n" }],
      ["trains", update("20")],
      ["trains", { type: "stream", name: "stdout", text: "step 40\n" }],
      ["trains", update("40")],
    ]);
  });

  it("reports what is thrown where nobody catches", async () => {
    const { outcome, events } = await run(
      "setTimeout(() => { throw new Error('astray') }, 1); await new Promise((r) => setTimeout(r, 50))",
    );
    expect(outcome.status).toBe("ok");
    expect(events).toMatchObject([{ type: "stream", name: "stderr" }]);
    expect(JSON.stringify(events)).toContain("Uncaught: Error: astray");
  });
});

describe("an interrupt", () => {
  it("reaches a cell that is still being checked", async () => {
    const running = run("await new Promise(() => {})");
    await session.interrupt();
    expect((await running).outcome.status).toBe("interrupted");
  });

  it("lets a cell that listens to its signal stop at a point of its choosing", async () => {
    await run(`let stopped = ""; ${host}`);
    expect(
      await interrupted(`await new Promise<void>((resolve) => host.signal.addEventListener("abort", () => {
        stopped = "asked"; setTimeout(() => { stopped = "gracefully"; resolve() }, 300) }));`),
    ).toBeGreaterThan(250);
    expect(await result("stopped")).toBe("'gracefully'");
  });

  it("is seen by a synchronous loop that looks at the signal", async () => {
    await interrupted("let turns = 0; while (!host.signal.aborted) turns++; stopped = 'by itself';");
    expect(await result("stopped")).toBe("'by itself'");
    expect(await result("host.signal.aborted")).toBe("false");
  });

  it("does not wait when it comes twice", async () => {
    const stubborn = "host.signal.addEventListener('abort', () => {}); await new Promise(() => {});";
    // With one it would take 5 s.
    expect(await interrupted(stubborn, 2)).toBeLessThan(3000);
    expect(await interrupted("void host.signal.aborted; while (true);", 2)).toBeLessThan(3000);
    expect(await result("1")).toBe("1");
  });

  it("leaves timers and streams working after many terminations", async () => {
    for (let time = 0; time < 4; time++) {
      await interrupted(
        "setTimeout(() => { while (true) console.log('x') }, 1); await new Promise(() => {})",
      );
    }
    const { outcome, events } = await run(`
      import { readFile } from "node:fs/promises";
      await new Promise((resolve) => setTimeout(resolve, 20));
      await new Promise<void>((resolve) => process.nextTick(resolve));
      await new Promise<void>((resolve) => setImmediate(resolve));
      await readFile("/dev/null");
      console.log("alive");`);
    expect(outcome.status).toBe("ok");
    expect(events).toEqual([{ type: "stream", name: "stdout", text: "alive\n" }]);
  });
});

it("a restarted session has forgotten everything and counts from one", async () => {
  await run("const gone = 1;");
  await session.restart();
  const { outcome } = await run("gone");
  expect(outcome).toMatchObject({ status: "error", executionCount: 1, error: { name: "TypeScriptError" } });
  expect(await result("2")).toBe("2");
});

it("native code waits while a pipe is full, and loses nothing", async () => {
  const { outcome, events } = await run(`import { writeSync } from "node:fs";
    const line = Buffer.from("y".repeat(999_999) + "\\n"); let written = 0;
    for (let i = 0; i < 20; i++) for (let at = 0; at < line.length; ) at += writeSync(1, line, at);`);
  expect(outcome.error).toBeUndefined();
  const lengths = events.map((event) => (event.type === "stream" ? event.text.length : 0));
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(20_000_000);
});

it("a cell that calls process.exit dies, and tells with what", async () => {
  const { outcome } = await run("process.exit(3)");
  expect(outcome).toMatchObject({ status: "died", exitCode: 3, error: { name: "ExecutorDied" } });
  expect(outcome.error?.message).toMatch(/^The cell called process.exit\(3\)\. All variables are lost\./);
  expect(await result("4")).toBe("4");
});

it("answers completions, knows earlier cells, and can be interrupted while a long cell is being checked", async () => {
  await run("const known = { colour: 1 };");
  const generic = (line: number) => `function g${line}<T extends { a: number }>(x: T, y = ${line}) {
    const z = [x.a, y].map((v) => v * 2).filter((v) => v > 1); return { ...x, z, k: z.length as number | string }; }`;
  let ended: string | undefined;
  const running = run(Array.from({ length: 1500 }, (_, line) => generic(line)).join("\n")).then(
    ({ outcome }) => {
      ended = outcome.error?.name;
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { completions } = await session.complete("known.col", 9);
  expect(completions.map(({ text }) => text)).toEqual(["colour"]);
  expect(await session.isComplete("f(")).toMatchObject({ status: "incomplete" });
  expect(ended).toBe(undefined);
  // Nor does an interrupt wait for the check.
  await session.interrupt();
  await running;
  expect(ended).toBe("KernelInterrupt");
  expect(await result("known.colour")).toBe("1");
});

it("a cell dies with its executor even while it is being checked", async () => {
  await run("const kept = 1;");
  const slowToCheck = Array.from({ length: 3000 }, (_, line) => `const v${line}: number[] = [kept];`);
  const running = run(slowToCheck.join("\n"));
  process.kill(session.executorPid!, "SIGKILL");
  expect((await running).outcome).toMatchObject({ status: "died", error: { name: "ExecutorDied" } });
  expect((await run("kept")).outcome.error?.name).toBe("TypeScriptError");
});

it("a restart ends the cell that runs", async () => {
  const running = run("while (true);");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await session.restart();
  expect((await running).outcome).toMatchObject({ status: "died", error: { name: "ExecutorDied" } });
  expect(await result("3")).toBe("3");
});

it("keeps variables that are called like globals to itself", async () => {
  expect(await result('const Map = "mine"; import { setTimeout } from "node:timers/promises"; Map')).toBe(
    "'mine'",
  );
  expect(await result("await setTimeout(5, 'slept') + Map")).toBe("'sleptmine'");
  expect(await result("new globalThis.Map().size + typeof globalThis.setTimeout")).toBe("'0function'");
});
