import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

const dist = fileURLToPath(new URL("../../../dist/", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "moelab-compiler-"));
process.env.MOELAB_IMAGES = join(folder, "images");
const { SeparateCompiler } = await import("../../../dist/kernel/cells/separateCompiler.js");

beforeAll(() => {
  execFileSync(process.execPath, [join(dist, "kernel/cells/image/buildImage.js")]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a compiler in a process of its own", () => {
  it("is replaced after its death by one that knows the same declarations", async () => {
    const compiler = new SeparateCompiler({ directory: folder, documentation: false });
    const cell = (code: string) => compiler.compile(code, "cell");
    expect(await cell("let kept: number = 1; const process = { own: true };")).toMatchObject({ ok: true });
    await compiler.complete("", 0);
    const first = compiler.pid!;
    const asked = cell("kept");
    process.kill(first, "SIGKILL");
    await expect(asked).rejects.toThrow(/The cell compiler stopped: signal SIGKILL\n.*run the cell again/);
    expect(compiler.pid).not.toBe(first);
    expect(await cell("kept.toFixed() + process.own")).toMatchObject({ ok: true });
    const renamed = await cell("process.own");
    expect(renamed.ok && renamed.cell.javascript).toContain("process$cell.own");
    expect((await cell("unknown")).ok).toBe(false);
    const last = compiler.pid!;
    await compiler.close();
    expect(alive(last)).toBe(false);
    await expect(cell("1")).rejects.toThrow("closed");
  });

  it("ends with the process that started it, however that ends", async () => {
    const script = `
      import { SeparateCompiler } from ${JSON.stringify(join(dist, "kernel/cells/separateCompiler.js"))};
      const compiler = new SeparateCompiler({ directory: ".", documentation: false });
      await compiler.compile("1", "cell");
      console.log(compiler.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], { cwd: folder });
    const line = await new Promise<string>((resolve) =>
      parent.stdout.once("data", (data) => resolve(String(data))),
    );
    parent.kill("SIGKILL");
    await gone(Number(line));
  });
});

/** The process that answers first is another than the one that answers in the end. */
describe("a compiler that starts lean", () => {
  let compiler: InstanceType<typeof SeparateCompiler>;
  let cells = 0;
  const cell = (code: string) => compiler.compile(code, `cell-${++cells}`);
  beforeEach(() => {
    compiler = new SeparateCompiler({ directory: folder, documentation: true });
  });
  afterEach(() => compiler.close());

  it("hands what the first cells declared over to the whole one", async () => {
    const first = compiler.pid!;
    expect(
      await cell("let n = 1; const structuredClone = { own: 1 }; class E extends Error {}"),
    ).toMatchObject({
      ok: true,
    });
    expect(compiler.pid).toBe(first);
    // Without being asked, when it is ready.
    await gone(first);
    const then = await cell(
      "n = structuredClone.own; const fs = await import('node:fs'); throw new E(String(fs.constants.F_OK));",
    );
    expect(then.ok && then.cell.javascript).toContain("structuredClone$cell.own");
    expect(await cell("n = ''")).toMatchObject({ diagnostics: [{ code: 2322 }] });
  });

  it("asks the whole one at once where a cell needs it, and keeps the order", async () => {
    const asked = [
      cell("let n = 1"),
      cell("const path: string = process.cwd();"),
      cell("path.length + n"),
      compiler.isComplete("{"),
      cell("let n = ''"),
      cell("n = 1"),
    ];
    const outcomes = await Promise.all(asked);
    expect(outcomes).toMatchObject([
      { ok: true },
      { ok: true },
      { ok: true },
      { status: "incomplete" },
      { ok: true },
      { ok: false, diagnostics: [{ code: 2322 }] },
    ]);
  });

  it("answers questions about Node's types from the start", async () => {
    const [completed, inspected] = await Promise.all([
      compiler.complete("process.cw", 10),
      compiler.inspect("setTimeout", 3),
    ]);
    expect(completed.completions.map(({ text }) => text)).toEqual(["cwd"]);
    expect(inspected?.documentation).toContain("Schedules execution");
  });

  it("completes what a lean cell declared while the whole one gets ready", async () => {
    expect(await cell("const measured = { length: 1 };")).toMatchObject({ ok: true });
    const { completions } = await compiler.complete("measured.le", 11);
    expect(completions.map(({ text }) => text)).toEqual(["length"]);
    expect((await compiler.inspect("measured", 3))?.signature).toContain("length: number");
  });

  it("forgets at a reset what a lean cell declared", async () => {
    expect(await cell("const measured = 1;")).toMatchObject({ ok: true });
    const [, after] = await Promise.all([compiler.reset(), cell("measured")]);
    expect(after).toMatchObject({ ok: false });
  });

  it("loses no cell when the lean process dies", async () => {
    expect(await cell("const kept = 1;")).toMatchObject({ ok: true });
    const asked = cell("kept.toFixed()");
    process.kill(compiler.pid!, "SIGKILL");
    expect(await asked).toMatchObject({ ok: true });
  });

  it("loses no cell when the whole process dies before it takes over", async () => {
    expect(await cell("const kept = 1;")).toMatchObject({ ok: true });
    const lean = compiler.pid!;
    const others = childrenOf(process.pid).filter((pid) => pid !== lean);
    for (const pid of others) process.kill(pid, "SIGKILL");
    expect(await cell("kept + process.pid")).toMatchObject({ ok: true });
  });

  it("gives up checks", async () => {
    const check = cell("let found: string = process.cwd();");
    const refused = expect(check).rejects.toThrow("given up");
    await compiler.cancelChecks();
    expect(await cell("const later = process.pid")).toMatchObject({ ok: true });
    await refused;
  });
});

/** Compiler processes that this one started. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .map(Number)
    .filter((child) => child > 0);
}
