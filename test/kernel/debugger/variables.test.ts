import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../../dist/kernel/session/session.js";

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "moelab-variables-"));
  session = await Session.start({ cwd: folder });
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

const execute = (code: string) => session.execute({ code }, () => {});

async function run(code: string): Promise<void> {
  expect((await execute(code)).error).toBeUndefined();
}

/** Asks again where a busy machine kept V8 from answering in time. */
async function listed() {
  for (let time = 0; time < 100; time++) {
    const { variables, current } = await session.variables();
    if (current) return variables;
  }
  throw new Error("V8 never answered in time");
}

async function found(name: string) {
  return (await listed()).find((variable) => variable.name === name);
}

describe("the variables of a session", () => {
  it("have types and short values, and none of their code runs", async () => {
    await run(`import { readFileSync } from "node:fs";
      let touched = 0;
      const touch = () => { touched++; return 1; };
      const count = 3, word = "abc", long = "x".repeat(1e6), large = 10n ** 20n, nothing = null;
      const list = [1, "two", { a: 1 }], map = new Map([["a", 1]]), floats = new Float32Array(1e6);
      class Gate { #hidden = 1; k = 2; get risky() { return touch(); } }
      const gate = new Gate(), getter = { get risky() { return touch(); }, text: "t" };
      const proxy = new Proxy({}, { get: touch, getPrototypeOf() { touch(); return null; } });
      const summarised = { get [Symbol.for("moelab.summary")]() { return touch(); } };
      const process = 5;
      let later: number | undefined;`);
    const variables = await listed();
    const shown = Object.fromEntries(variables.map(({ name, type, value }) => [name, [type, value]]));
    expect(shown).toMatchObject({
      count: ["number", "3"],
      word: ["string", '"abc"'],
      large: ["bigint", "100000000000000000000n"],
      nothing: ["null", "null"],
      list: ["Array(3)", '[1, "two", {…}]'],
      map: ["Map(1)", '{"a" => 1}'],
      floats: ["Float32Array(1000000)", expect.stringMatching(/^\[0, 0, .{1,250}…$/)],
      Gate: ["class Gate", "class Gate {…}"],
      gate: ["Gate", "Gate {#hidden: 1, k: 2}"],
      getter: ["Object", '{risky: (getter), text: "t"}'],
      proxy: ["Object", "Proxy(Object)"],
      // Kept under another name, since Node has one of that name.
      process: ["number", "5"],
      later: ["undefined", "undefined"],
      readFileSync: ["function", expect.stringMatching(/^function readFileSync\(/)],
    });
    expect(shown.long[1]).toMatch(/^"x{100,300}… \(1000000\)$/);
    expect(shown.touched).toEqual(["number", "0"]);
    expect(variables.find(({ name }) => name === "process")?.binding).toBe("process$cell");
    expect(Object.keys(shown)).not.toContain("process$cell");
    expect(Object.keys(shown)).not.toContain("console");
  });

  it("tell of tensors their shape, dtype, device and bytes", async () => {
    await run(`import { torch } from "moelab";
      const tensor = torch.zeros([2, 3], { dtype: "bfloat16" });
      const gone = torch.zeros([1]);
      gone.dispose();`);
    expect(await found("tensor")).toEqual({
      name: "tensor",
      binding: "tensor",
      type: "Tensor",
      value: "[2, 3] bfloat16 cpu",
      expandable: true,
      tensor: { shape: [2, 3], dtype: "bfloat16", device: "cpu", bytes: 12 },
    });
    expect(await found("gone")).toMatchObject({ type: "Tensor", value: "disposed" });
  });

  it("are there while a cell computes, while one waits, and after both were interrupted", async () => {
    const busy = execute("let turns = 0; while (true) turns++;");
    await expect.poll(async () => Number((await found("turns"))?.value)).toBeGreaterThan(1000);
    const before = Number((await found("turns"))!.value);
    await expect.poll(async () => Number((await found("turns"))!.value)).toBeGreaterThan(before);
    await session.interrupt();
    await busy;
    const waiting = execute("const answer: number = await new Promise<number>(() => {});");
    await expect.poll(() => found("answer")).toMatchObject({ value: "not yet initialised" });
    await session.interrupt();
    await waiting;
    expect(Number((await found("turns"))!.value)).toBeGreaterThan(before);
  });

  it("are those of the new executor after a restart", async () => {
    await session.restart();
    expect(await listed()).toEqual([]);
    await run("const fresh = 1;");
    expect((await listed()).map(({ name }) => name)).toEqual(["fresh"]);
  });
});
