// biome-ignore-all lint/suspicious/noTemplateCurlyInString: cells contain them
import { afterAll, describe, expect, it } from "vitest";
import { codeCells, type Finished, isAlive, SpawnedRun, statusOf, Workplace } from "./spawnedRun.js";

const place = new Workplace();
afterAll(() => place.remove());

const start = (...args: string[]): SpawnedRun => new SpawnedRun(place.folder, ["run", ...args]);
const run = (...args: string[]): Promise<Finished> => start(...args).finished;
const texts = (name: string): unknown[][] =>
  codeCells(place.read(name)).map((cell) =>
    cell.outputs.map((output) => {
      if (output.output_type === "stream") return output.text;
      return output.output_type === "error" ? output.ename : output.data["text/plain"];
    }),
  );
const statuses = (name: string): string[] =>
  codeCells(place.read(name)).map((cell) => statusOf(cell).join(" "));

const longCell = `
console.log("pid", process.pid);
await new Promise((resolve) => setTimeout(resolve, 60_000));`;

describe("a run that succeeds", () => {
  it("shows the outputs, writes the executed notebook and exits with 0", async () => {
    place.notebook("ok.ipynb", [
      "const x: number = 20;\nconsole.log('x is', x);",
      "",
      "x + 1",
      "console.error('oh');",
    ]);
    const { code, stdout, stderr } = await run("ok.ipynb");
    expect([code, stderr]).toEqual([0, "oh\n"]);
    expect(stdout).toMatch(
      /^\[1\/4\] const x: number = 20;\nx is 20\n\[2\/4\] \n\[3\/4\] x \+ 1\n21\n\[4\/4\] console.error\('oh'\);\nok: 4 cells \(\d+\.\d+ s\) → out\/ok\.ipynb\n$/,
    );
    place.validate("out/ok.ipynb");
    expect(texts("out/ok.ipynb")).toEqual([["x is 20\n"], [], ["21"], ["oh\n"]]);
    expect(statuses("out/ok.ipynb")).toEqual(Array(4).fill("ok completed"));
    const { cells, metadata } = place.read("out/ok.ipynb");
    expect(cells.map((cell) => cell.execution_count)).toEqual([1, null, 2, 3]);
    expect(metadata).toMatchObject({
      kernelspec: { language: "typescript" },
      language_info: { name: "typescript" },
    });
    expect(texts("ok.ipynb")).toEqual([[], [], [], []]);
  });

  it("takes magics", async () => {
    place.notebook("magics.ipynb", ["%env MARK=7\nprocess.env.MARK", "%%bash\necho $MARK", "%time 1 + 1"]);
    const { code, stdout } = await run("magics.ipynb");
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nenv: MARK=7\n'7'\n[\s\S]*\n7\n[\s\S]*\nWall time: [\s\S]*\n2\n/);
    expect(place.read("out/magics.ipynb").cells.map((cell) => cell.execution_count)).toEqual([1, 2, 3]);
  });

  it("runs in the notebook's folder and writes where it is told", async () => {
    place.write("numbers.ts", "export const answer: number = 42;");
    place.notebook("where.ipynb", [
      'import { answer } from "./numbers.ts";\nconsole.log(answer, process.cwd() === import.meta.dirname);',
    ]);
    const { code, stderr } = await new SpawnedRun("/", [
      "run",
      place.path("where.ipynb"),
      "-o",
      place.path("new/a.ipynb"),
    ]).finished;
    expect([code, stderr]).toEqual([0, ""]);
    expect(texts("new/a.ipynb")).toEqual([["42 true\n"]]);
  });

  it("overwrites its input only when asked to", async () => {
    place.notebook("in.ipynb", ["console.log(1)"]);
    expect((await run("in.ipynb", "--inplace")).code).toBe(0);
    expect(texts("in.ipynb")).toEqual([["1\n"]]);
  });

  it("stores 200 progress updates as one output each", async () => {
    place.notebook("progress.ipynb", [
      "for (let i = 1; i <= 200; i++) process.stdout.write(`\\rstep ${i}/200`);\nconsole.log();",
      'display({ "text/plain": "0 %" }, { raw: true, displayId: "bar" });',
      'for (let i = 1; i <= 200; i++) display({ "text/plain": `${i / 2} %` }, { raw: true, displayId: "bar", update: true });',
      "for (let i = 1; i <= 200; i++) { clearOutput(true); console.log(`frame ${i}`); }",
    ]);
    const { code, stdout } = await run("progress.ipynb");
    expect(code).toBe(0);
    expect(texts("out/progress.ipynb")).toEqual([["step 200/200\n"], ["100 %"], [], ["frame 200\n"]]);
    expect(stdout).toContain("step 200/200\n");
    expect(stdout.length).toBeLessThan(1000);
  });
});

describe("a run that fails", () => {
  it("stops at the failing cell and still writes the notebook", async () => {
    place.notebook("bad.ipynb", [
      "console.log('before');",
      "const fail = (): never => {\n  throw new RangeError('too far');\n};\nfail();",
      "console.log('never');",
    ]);
    const { code, stdout, stderr } = await run("bad.ipynb");
    expect(code).toBe(1);
    expect(stderr).toMatch(/RangeError: too far\n[\s\S]*:2:9/);
    expect(stdout).toMatch(/failed: cell 2 of 3 \(RangeError\), 1 cell not run/);
    place.validate("out/bad.ipynb");
    expect(texts("out/bad.ipynb")).toEqual([["before\n"], ["RangeError"], []]);
    expect(statuses("out/bad.ipynb")).toEqual(["ok completed", "error failed", "pending pending"]);
  });

  it("goes on with --allow-errors, and still exits with 1", async () => {
    place.notebook("allow.ipynb", [
      "throw new Error('one')",
      "console.log('after');",
      "throw new Error('two')",
    ]);
    const { code, stdout } = await run("allow.ipynb", "--allow-errors");
    expect(code).toBe(1);
    expect(stdout).toContain("failed: cell 1 of 3 (Error), 1 cell more failed (");
    expect(statuses("out/allow.ipynb")).toEqual(["error failed", "ok completed", "error failed"]);
  });

  it("fails on type errors before the cell runs", async () => {
    place.notebook("types.ipynb", ["console.log('ran'); const n: number = 'text';"]);
    const { code, stdout, stderr } = await run("types.ipynb");
    expect(code).toBe(1);
    expect(stderr).toMatch(/not assignable to type 'number'/);
    expect(stdout).not.toContain("\nran");
  });

  it("takes the tags raises-exception and skip-execution for what they say", async () => {
    place.notebook("tags.ipynb", [
      { source: "throw new Error('expected')", tags: ["raises-exception"] },
      { source: "throw new Error('not run')", tags: ["skip-execution"] },
      "console.log('end');",
    ]);
    expect((await run("tags.ipynb")).code).toBe(0);
    expect(statuses("out/tags.ipynb")).toEqual(["error failed", "pending pending", "ok completed"]);
  });
});

describe("work that goes on after its cell", () => {
  const startWork = (body: string): string =>
    `const work = (async () => { ${body} })();
const background: Set<unknown> = ((globalThis as any)[Symbol.for("moelab.background")] ??= new Set());
background.add(work);
console.log("started");`;

  it("is waited for, and its output belongs to its cell", async () => {
    place.notebook("work.ipynb", [
      `display({ "text/plain": "0 %" }, { raw: true, displayId: "work" });\n${startWork(
        `await new Promise((r) => setTimeout(r, 800)); console.log("late"); display({ "text/plain": "100 %" }, { raw: true, displayId: "work", update: true });`,
      )}`,
      "console.log('next');",
    ]);
    const { code, stdout, stderr } = await run("work.ipynb");
    expect([code, stderr]).toEqual([0, ""]);
    expect(texts("out/work.ipynb")).toEqual([["100 %", "started\nlate\n"], ["next\n"]]);
    expect(stdout).toMatch(/next\nlate\n/);
  });

  it("fails the run when it fails", async () => {
    place.notebook("workFails.ipynb", [
      startWork('await new Promise((r) => setTimeout(r, 300)); throw new Error("diverged");'),
    ]);
    const { code, stdout, stderr } = await run("workFails.ipynb");
    expect(code).toBe(1);
    expect(stderr).toMatch(/Error: diverged/);
    expect(stdout).toMatch(/failed: 1 of 1 cell run/);
    expect(place.read("out/workFails.ipynb").metadata.moelab).toMatchObject({ status: "error" });
  });

  it("is stopped by a signal", async () => {
    place.notebook("workLong.ipynb", [startWork("await new Promise((r) => setTimeout(r, 60_000));")]);
    const running = start("workLong.ipynb");
    await running.prints(/started\n/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    running.kill("SIGTERM");
    expect((await running.finished).code).toBe(143);
    expect(place.read("out/workLong.ipynb").metadata.moelab).toMatchObject({ status: "interrupted" });
  });
});

describe("parameters", () => {
  it("are set after their cell, typed, constants too", async () => {
    place.notebook("p.ipynb", [
      {
        source: 'const lr = 3e-4;\nlet steps = 10;\nconst layers = [1, 2];\nconst name: "a" | "b" = "a";',
        tags: ["parameters"],
      },
      "console.log(lr, steps, layers.concat(7), name);\nconst typed: number = lr * steps;",
    ]);
    const { code, stderr } = await run(
      "p.ipynb",
      "-p",
      "lr=0.5",
      "-p",
      "steps=3",
      "-p",
      "layers=[]",
      "-p",
      "name=b",
    );
    expect([code, stderr]).toEqual([0, ""]);
    place.validate("out/p.ipynb");
    expect(texts("out/p.ipynb")).toEqual([[], [], ["0.5 3 [ 7 ] b\n"]]);
    const { cells, metadata } = place.read("out/p.ipynb");
    expect(cells[1].metadata.tags).toEqual(["injected-parameters"]);
    expect(metadata.papermill).toMatchObject({ parameters: { lr: 0.5, steps: 3, layers: [], name: "b" } });
  });
});

describe("a run that is stopped", () => {
  it.each([
    ["SIGINT", 130, "kill"],
    ["SIGINT", 130, "killGroup"],
    ["SIGTERM", 143, "kill"],
    ["SIGHUP", 129, "kill"],
  ] as const)("by %s exits with %i and writes what there is (%s)", async (signal, code, how) => {
    place.notebook(`${signal}.ipynb`, ["console.log('first');", longCell, "console.log('never');"]);
    const running = start(`${signal}.ipynb`);
    const [, pid] = await running.prints(/pid (\d+)/);
    running[how](signal);
    const result = await running.finished;
    expect([result.code, result.signal]).toEqual([code, null]);
    expect(result.stdout).toMatch(/interrupted: cell 2 of 3 \(KernelInterrupt\), 1 cell not run/);
    place.validate(`out/${signal}.ipynb`);
    expect(statuses(`out/${signal}.ipynb`)).toEqual([
      "ok completed",
      "interrupted failed",
      "pending pending",
    ]);
    expect(texts(`out/${signal}.ipynb`)).toEqual([["first\n"], [`pid ${pid}\n`, "KernelInterrupt"], []]);
    expect(isAlive(Number(pid))).toBe(false);
  });

  it("stops a cell that computes without a pause", async () => {
    place.notebook("spin.ipynb", ["console.log('spinning');\nfor (;;) {}"]);
    const running = start("spin.ipynb");
    await running.prints(/spinning\n/);
    running.kill("SIGTERM");
    expect((await running.finished).code).toBe(143);
    expect(statuses("out/spin.ipynb")).toEqual(["interrupted failed"]);
  });

  it("gives up waiting at the second signal", async () => {
    place.notebook("stubborn.ipynb", [
      "console.log('working');\n(globalThis as any)[Symbol.for('moelab.host')].signal.addEventListener('abort', () => console.log('asked'));\nawait new Promise((resolve) => setTimeout(resolve, 60_000));",
    ]);
    const running = start("stubborn.ipynb");
    await running.prints(/working\n/);
    running.kill("SIGINT");
    await running.prints(/asked\n/);
    running.kill("SIGINT");
    const { code, seconds } = await running.finished;
    expect(code).toBe(130);
    expect(seconds).toBeLessThan(6);
    expect(statuses("out/stubborn.ipynb")).toEqual(["interrupted failed"]);
  });

  it("has the running cell's outputs in the file while it runs", async () => {
    place.notebook("live.ipynb", [longCell]);
    const running = start("live.ipynb");
    await running.prints(/pid \d+/);
    await expect
      .poll(() => texts("out/live.ipynb"), { timeout: 60_000, interval: 100 })
      .toEqual([[expect.stringMatching(/pid \d+/)]]);
    expect(statuses("out/live.ipynb")).toEqual(["running running"]);
    running.kill("SIGTERM");
    await running.finished;
  });
});

it("says so when the executor dies, writes the notebook and exits with 4", async () => {
  place.notebook("died.ipynb", ["console.log('first');", longCell, "console.log('never');"]);
  const running = start("died.ipynb", "--allow-errors");
  const [, pid] = await running.prints(/pid (\d+)/);
  process.kill(Number(pid), "SIGKILL");
  const { code, stdout, stderr } = await running.finished;
  expect(code).toBe(4);
  expect(stdout).toMatch(/died: cell 2 of 3 \(ExecutorDied\), 1 cell not run/);
  expect(stderr).toMatch(/SIGKILL/);
  place.validate("out/died.ipynb");
  expect(statuses("out/died.ipynb")).toEqual(["ok completed", "died failed", "pending pending"]);
  expect(texts("out/died.ipynb")).toEqual([["first\n"], [`pid ${pid}\n`, "ExecutorDied"], []]);
});
