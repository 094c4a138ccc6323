import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../../dist/kernel/session/session.js";
import type { ExecuteOutcome, SessionEvent } from "../../../kernel/session/events.js";

/** An interrupted cell ends sooner than this on the slowest machine, in milliseconds; a stuck one never does. */
const soon = 3000;

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "moelab-interrupts-"));
  writeFileSync(join(folder, "loops.mjs"), "while (true) {}\n");
  for (const pipe of ["opened", "written", "read"]) execFileSync("mkfifo", [join(folder, pipe)]);
  session = await Session.start({ cwd: folder });
  await run(
    'import { execSync, spawn, spawnSync } from "node:child_process"; const kept = 42; let turns = 0;',
  );
  await run('import { openSync, readFileSync, readSync, writeSync } from "node:fs";');
  await run('const host = (globalThis as any)[Symbol.for("moelab.host")];');
  await run('const shownBy = (display: () => any) => ({ [Symbol.for("Jupyter.display")]: display });');
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

async function executing(): Promise<void> {
  while (session.state.running.every(({ phase }) => phase !== "executing")) await pause(5);
  await pause(150);
}

/** Interrupts a cell that runs; gives the milliseconds from there to its end. */
async function interrupted(code: string, request = {}): Promise<number> {
  const executor = session.executorPid;
  const running = run(code, request);
  await executing();
  const start = performance.now();
  await session.interrupt();
  const { outcome } = await running;
  const time = performance.now() - start;
  expect(outcome.status).toBe("interrupted");
  expect(session.executorPid).toBe(executor);
  return time;
}

async function value(code: string): Promise<unknown> {
  const { outcome, events } = await run(code);
  expect(outcome.error).toBeUndefined();
  const shown = events.find((event) => event.type === "result");
  return shown?.type === "result" ? shown.data["text/plain"] : undefined;
}

const situations: Record<string, string> = {
  "a busy loop": "while (true) {}",
  "a busy loop after an await": "await new Promise((r) => setTimeout(r, 10)); while (true) {}",
  "a busy timer callback": "setTimeout(() => { while (true) {} }, 10); await new Promise(() => {});",
  "a microtask loop": "const again = (): Promise<void> => Promise.resolve().then(again); await again();",
  "a loop of ticks": "const tick = () => process.nextTick(tick); tick(); await new Promise(() => {});",
  "a loop of immediates": "const turn = () => setImmediate(turn); turn(); await new Promise(() => {});",
  "a pending await": "await new Promise(() => {});",
  "an iterator that never yields": `for await (const x of { [Symbol.asyncIterator]: () => ({
    next: () => new Promise<IteratorResult<number>>(() => {}) }) }) turns = x;`,
  "an async function that loops": "(async () => { while (true) await 1; })()",
  "a busy generator": "function* busy() { while (true) yield 1; } for (const x of busy()) turns += x;",
  "a catastrophic regular expression": "/^(a+)+$/.test('a'.repeat(40) + 'b')",
  "a loop that swallows errors":
    "while (true) { try { while (true) turns++; } catch {} finally { turns = 0 } }",
  "a blocked Atomics.wait": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
  "a child that is waited for": "execSync('sleep 60');",
  "a child that ignores Ctrl-C": `spawnSync("sh", ["-c", "trap '' INT; sleep 60; sleep 60"]);`,
  "a loop that starts children": "while (true) { try { execSync('sleep 60') } catch {} }",
  "a thread that computes": `import { Worker } from "node:worker_threads";
    const thread = new Worker("while (true);", { eval: true }); await new Promise((r) => thread.on("exit", r));`,
  "the opening of a named pipe that nobody writes": "readFileSync('opened')",
  "the opening of a named pipe that nobody reads": "openSync('opened', 'w')",
  "reading an empty pipe": "readSync(openSync('read', 'r+'), Buffer.alloc(9))",
  "writing to a full pipe": "while (true) writeSync(openSync('written', 'r+'), Buffer.alloc(65536))",
  "a loop that swallows the errors of reading":
    "while (true) { try { readSync(openSync('read', 'r+'), Buffer.alloc(9)) } catch {} }",
  "a module that loops": "await import('./loops.mjs')",
  "a display method that loops": "shownBy(() => { while (true) {} })",
  "a display that never comes": "shownBy(() => new Promise(() => {}))",
  "printing without end": "while (true) console.log('x'.repeat(1000))",
};

describe("an interrupt ends, and variables stay", () => {
  it.each(Object.entries(situations))("%s", async (_name, code) => {
    expect(await interrupted(code)).toBeLessThan(soon);
    expect(await value("kept")).toBe("42");
  });

  it("an expression that a client asks for", async () => {
    expect(await interrupted("1", { userExpressions: { loop: "(() => { while (true); })()" } })).toBeLessThan(
      soon,
    );
    expect(await value("kept")).toBe("42");
  });

  it.each([
    ["awaits", "host.signal.addEventListener('abort', () => {}); await new Promise(() => {});"],
    ["computes", "while (host.signal.aborted || true) turns++;"],
  ])("a cell that knows of its signal and %s, at once with the second, as it says", async (_name, code) => {
    const events: SessionEvent[] = [];
    const running = run(code, {}, events);
    await executing();
    await session.interrupt();
    const told = () =>
      events.some((event) => event.type === "stream" && /second interrupt ends it at once/.test(event.text));
    while (!told()) await pause(5);
    const start = performance.now();
    await session.interrupt();
    expect((await running).outcome.status).toBe("interrupted");
    // By itself it would have ended 4 s after it said so.
    expect(performance.now() - start).toBeLessThan(soon);
    expect(await value("kept")).toBe("42");
  });

  it("an abort listener that does not return", async () => {
    const running = run(
      "host.signal.addEventListener('abort', () => { while (true); }); await new Promise(() => {});",
    );
    await executing();
    await session.interrupt();
    await pause(200);
    await session.interrupt();
    expect((await running).outcome.status).toBe("interrupted");
    expect(await value("kept")).toBe("42");
  });

  it("code that goes on after what the signal rejected", async () => {
    const stopsThenLoops = `await new Promise<void>((resolve) => host.signal.addEventListener("abort", () => resolve()));
      while (true);`;
    const running = run(stopsThenLoops);
    await executing();
    await session.interrupt();
    await pause(200);
    await session.interrupt();
    expect((await running).outcome.status).toBe("interrupted");
    expect(await value("kept")).toBe("42");
  });
});

describe("interrupts", () => {
  it("in quick succession break nothing, whatever runs", async () => {
    for (const code of ["while (true) turns++;", "await new Promise(() => {});", "execSync('sleep 60')"]) {
      const running = run(code);
      await executing();
      for (let time = 0; time < 20; time++) {
        await session.interrupt();
        await pause(25);
      }
      expect((await running).outcome.status).toBe("interrupted");
      expect(await value("kept")).toBe("42");
    }
  });

  it("of an idle session never hit the next cell, nor work that goes on", async () => {
    await run("const clock = setInterval(() => { turns++ }, 2);");
    for (let time = 0; time < 10; time++) {
      await session.interrupt();
      const { outcome } = await run("for (const until = Date.now() + 30; Date.now() < until; );");
      expect(outcome.status).toBe("ok");
    }
    const before = await value("turns");
    await expect.poll(() => value("turns"), { timeout: soon }).not.toBe(before);
    await run("clearInterval(clock)");
  });

  it("of an idle session spare code that belongs to no cell, also when the next cell waits for it", async () => {
    await run(`import { setFlagsFromString } from "node:v8";
      import { runInNewContext } from "node:vm";
      setFlagsFromString("--expose-gc");
      let ended = 0;
      const registry = new FinalizationRegistry(() => {
        for (const until = Date.now() + 800; Date.now() < until; );
        ended++;
      });
      registry.register({}, "");`);
    await run("setTimeout(runInNewContext('gc'), 100);");
    await pause(300);
    await session.interrupt();
    expect(await value("ended")).toBe("1");
  });

  it("reach native code, which has time to hear them; where it does not listen, the cell says so", async () => {
    await run('import { pbkdf2Sync } from "node:crypto"; import { Worker } from "node:worker_threads";');
    await run("const seen = new Int32Array(new SharedArrayBuffer(4));");
    // Stands for native code: it sees nothing but the memory of the flag.
    await run(`const watcher = new Worker(\`const { flag, seen } = require("node:worker_threads").workerData;
      while (Atomics.load(flag, 0) === 0) Atomics.wait(flag, 0, 0, 5);
      Atomics.store(seen, 0, 1);\`, { eval: true, workerData: { flag: host.interruptFlag, seen } });`);
    const events: SessionEvent[] = [];
    const running = run('pbkdf2Sync("a", "b", 5e6, 64, "sha512")', {}, events);
    await executing();
    await session.interrupt();
    expect((await running).outcome.status).toBe("interrupted");
    const text = events.map((event) => (event.type === "stream" ? event.text : "")).join("");
    expect(text).toMatch(
      /native code is at work.*a restart of the kernel ends it now and loses all variables/,
    );
    expect(await value("[seen[0], host.interruptFlag[0], kept]")).toBe("[ 1, 0, 42 ]");
  }, 120_000);

  it("reach children of the running cell, and spare what earlier cells left running", async () => {
    const started = await value('const server = spawn("sleep", ["60"]); server.pid');
    await interrupted('const child = spawn("sleep", ["60"]); await new Promise((r) => child.on("exit", r));');
    expect(await value("[child.signalCode, server.signalCode]")).toBe("[ 'SIGINT', null ]");
    expect(readFileSync(`/proc/${started}/stat`, "utf8")).not.toContain(") Z ");
    await run("server.kill()");
  });

  it("that came a hundred times leave no threads, sessions or descriptors behind", async () => {
    const pid = session.executorPid!;
    const held = () => [readdirSync(`/proc/${pid}/task`).length, readdirSync(`/proc/${pid}/fd`).length];
    const before = held();
    for (let time = 0; time < 100; time++) {
      const running = run(time % 2 === 0 ? "while (true);" : "await new Promise(() => {});");
      while (session.state.running.every(({ phase }) => phase !== "executing")) await pause(1);
      await session.interrupt();
      expect((await running).outcome.status).toBe("interrupted");
    }
    const after = held();
    expect(after[0]).toBeLessThanOrEqual(before[0] + 2);
    expect(after[1]).toBeLessThanOrEqual(before[1] + 4);
    expect(await value("kept")).toBe("42");
  }, 60_000);
});

it("nothing that cells started outlives the session, but what was detached", async () => {
  await run(`const { pid: detached } = spawn("sleep", ["61"], { detached: true, stdio: "ignore" });
    execSync("sleep 62 & sleep 63 >/dev/null 2>&1 &", { stdio: "ignore" });`);
  const detached = Number(await value("detached"));
  const group = session.executorPid!;
  await session.close();
  const left = execFileSync("ps", ["-eo", "pgid=,stat="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([pgid, stat]) => Number(pgid) === group && !stat.startsWith("Z"));
  expect(left).toEqual([]);
  expect(() => process.kill(detached, "SIGKILL")).not.toThrow();
});
