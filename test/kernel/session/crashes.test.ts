import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SeparateCompiler } from "../../../dist/kernel/cells/separateCompiler.js";
import { Session } from "../../../dist/kernel/session/session.js";
import type { SessionEvent } from "../../../kernel/session/events.js";

let folder: string;
let session: Session;
let compiler: SeparateCompiler;

/** What the next executors do: "well", or die "at once" or "when ready", each noted in `starts`. */
const setMode = (mode: string) => writeFileSync(join(folder, "mode"), mode);
const starts = () => readFileSync(join(folder, "starts"), "utf8").length;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "moelab-crashes-"));
  writeFileSync(
    join(folder, "hook.cjs"),
    `const fs = require("node:fs");
    const die = () => process.kill(process.pid, "SIGKILL");
    if (require("node:worker_threads").isMainThread) {
      fs.appendFileSync(${JSON.stringify(join(folder, "starts"))}, "x");
      const mode = fs.readFileSync(${JSON.stringify(join(folder, "mode"))}, "utf8");
      if (mode === "at once") die();
      if (mode === "when ready") setInterval(() => globalThis[Symbol.for("moelab.host")] && setTimeout(die, 50), 10);
    }`,
  );
  setMode("well");
  compiler = new SeparateCompiler({ directory: folder, documentation: true });
  const env = { ...process.env, NODE_OPTIONS: `--require ${join(folder, "hook.cjs")}` };
  session = await Session.start({ cwd: folder, env, compiler });
});
afterEach(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(code: string) {
  const events: SessionEvent[] = [];
  const outcome = await session.execute({ code }, (event) => events.push(event));
  const shown = events.find((event) => event.type === "result");
  return { outcome, result: shown?.type === "result" ? shown.data["text/plain"] : undefined };
}

const noExecutor = async () => {
  while (session.state.executor.phase !== "none") await pause(5);
};

it("an executor that dies as it starts is started once for each cell, until it works again", async () => {
  expect((await run("const kept = 1; kept")).result).toBe("1");
  setMode("at once");
  process.kill(session.executorPid!, "SIGKILL");
  await noExecutor();
  for (let cell = 0; cell < 3; cell++) {
    const { outcome } = await run("1 + 1");
    expect(outcome.status).toBe("died");
    expect(outcome.error?.message).toMatch(/The executor did not start/);
  }
  expect(starts()).toBeLessThanOrEqual(1 + 1 + 3);
  setMode("well");
  expect((await run("1 + 1")).result).toBe("2");
});

it("one that dies when it is ready is not started again and again either", async () => {
  expect((await run("1 + 1")).result).toBe("2");
  setMode("when ready");
  const before = starts();
  process.kill(session.executorPid!, "SIGKILL");
  while (starts() < before + 1) await pause(5);
  await noExecutor();
  // Were there another, it would be under way by now.
  await pause(100);
  expect(session.state.executor.phase).toBe("none");
  expect(starts()).toBe(before + 1);
  setMode("well");
  expect((await run("2 + 2")).result).toBe("4");
});

it("cells that kill their executor one after another each say so, and the next runs", async () => {
  for (let cell = 0; cell < 5; cell++) {
    const { outcome } = await run('process.kill(process.pid, "SIGSEGV"); await new Promise(() => {});');
    expect(outcome.error?.message).toMatch(/ended by SIGSEGV \(native code used memory/);
  }
  expect((await run("3 + 3")).result).toBe("6");
});

it("a compiler that dies fails the cell that it checks, and no variable is lost", async () => {
  await run("const kept = { colour: 1 };");
  // The whole compiler: a lean one is replaced without a word.
  await session.complete("kept.", 5);
  const checked = run(
    Array.from({ length: 3000 }, (_, line) => `const v${line}: number[] = [kept.colour];`).join("\n"),
  );
  while (!session.state.running.some(({ phase }) => phase === "compiling")) await pause(1);
  process.kill(compiler.pid!, "SIGKILL");
  const { outcome } = await checked;
  expect(outcome.error?.message).toMatch(/The cell compiler stopped: signal SIGKILL/);
  expect((await run("kept.colour + 1")).result).toBe("2");
  const { completions } = await session.complete("kept.", 5);
  expect(completions.map(({ text }) => text)).toEqual(["colour"]);
});
