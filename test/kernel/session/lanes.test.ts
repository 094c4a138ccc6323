import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Session } from "../../../dist/kernel/session/session.js";
import type { SessionEvent } from "../../../kernel/session/events.js";
import { Lanes } from "../../../kernel/session/lanes.js";

describe("lanes", () => {
  it("run what is asked of one in turn, and different ones side by side", async () => {
    const lanes = new Lanes();
    const log: string[] = [];
    const work = (lane: string, name: string) =>
      lanes.run(lane, async () => {
        log.push(`${name} starts`);
        await new Promise((resolve) => setTimeout(resolve, 10));
        log.push(`${name} ends`);
      });
    const all = [work("a", "a1"), work("a", "a2"), work("b", "b1")];
    expect(log).toEqual(["a1 starts", "b1 starts"]);
    await lanes.ended();
    await Promise.all(all);
    expect(log.filter((entry) => entry.startsWith("a"))).toEqual([
      "a1 starts",
      "a1 ends",
      "a2 starts",
      "a2 ends",
    ]);
  });

  it("go on after work that failed", async () => {
    const lanes = new Lanes();
    const failed = lanes.run("a", () => Promise.reject(new Error("no")));
    const next = lanes.run("a", async () => "yes");
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe("yes");
  });
});

describe("a session with lanes", () => {
  let folder: string;
  let session: Session;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "moelab-lanes-"));
    session = await Session.start({ cwd: folder });
  });
  afterAll(async () => {
    await session.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(lane: string, code: string) {
    const events: SessionEvent[] = [];
    const outcome = await session.execute({ code, lane }, (event) => events.push(event));
    const text = events.map((event) => (event.type === "stream" ? event.text : "")).join("");
    const shown = events.find((event) => event.type === "result");
    const result = shown?.type === "result" ? shown.data["text/plain"] : undefined;
    return { outcome, text, result };
  }
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const executing = () => session.state.running.filter(({ phase }) => phase === "executing").length;

  it("answers in one lane while a cell of another waits", async () => {
    await run("main", "let go = (value: string) => {};");
    const waiting = run("main", "await new Promise<string>((resolve) => { go = resolve; })");
    await until(() => executing() === 1);
    expect((await run("other", "6 * 7")).result).toBe("42");
    expect((await run("other", "go('from the other lane'); typeof go")).result).toBe("'function'");
    expect((await waiting).result).toBe("'from the other lane'");
  });

  it("gives every cell its own output, whichever lane prints", async () => {
    const prints = (name: string) =>
      `for (let i = 0; i < 5; i++) { console.log("${name}", i); await new Promise((r) => setTimeout(r, 4)); }`;
    const [first, second] = await Promise.all([run("main", prints("a")), run("other", prints("b"))]);
    expect(first.text).toBe("a 0\na 1\na 2\na 3\na 4\n");
    expect(second.text).toBe("b 0\nb 1\nb 2\nb 3\nb 4\n");
  });

  it("knows whose output follows an await at the top level", async () => {
    await run("main", 'import { readFile } from "node:fs/promises";');
    const prints = (name: string) =>
      `for (let i = 0; i < 20; i++) { await readFile("/dev/null"); console.log("${name}"); }`;
    const [first, second] = await Promise.all([run("main", prints("a")), run("other", prints("b"))]);
    expect(first.text).toBe("a\n".repeat(20));
    expect(second.text).toBe("b\n".repeat(20));
  });

  it("has an error in one lane leave the other alone", async () => {
    const waiting = run("main", "await new Promise((r) => setTimeout(r, 200)); 'ended'");
    expect((await run("other", "throw new RangeError('here')")).outcome.error?.name).toBe("RangeError");
    expect((await waiting).result).toBe("'ended'");
  });

  it("interrupts the cells of all lanes, waiting ones and busy ones", async () => {
    const waits = run("main", "await new Promise(() => {})");
    const sleeps = run("second", "for (;;) await new Promise((r) => setTimeout(r, 5))");
    await until(() => executing() === 2);
    const busy = run("third", "await new Promise((r) => setTimeout(r, 20)); while (true);");
    await until(() => executing() === 3);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const start = performance.now();
    await session.interrupt();
    const ended = await Promise.all([waits, sleeps, busy]);
    expect(ended.map(({ outcome }) => outcome.status)).toEqual(Array(3).fill("interrupted"));
    expect(performance.now() - start).toBeLessThan(3000);
    expect(session.state.running).toEqual([]);
    expect((await run("main", "'main'")).result).toBe("'main'");
    expect((await run("second", "'second'")).result).toBe("'second'");
  });

  it("says why a cell does not begin", async () => {
    const busy = run("main", "while (true);");
    await until(() => executing() === 1);
    const events: SessionEvent[] = [];
    const kept = session.execute({ code: "let begun = 1;", lane: "other" }, (event) => {
      events.push(event);
    });
    const text = () => events.map((event) => (event.type === "stream" ? event.text : "")).join("");
    await until(() => text().includes("code of another shell computes without a pause"));
    await session.interrupt();
    await Promise.all([busy, kept]);
  });

  it("does not start a cell that was interrupted while another kept it from starting", async () => {
    await run("main", "let ran = false;");
    const busy = run("main", "while (true);");
    await until(() => executing() === 1);
    const kept = run("other", "ran = true; await new Promise((r) => setTimeout(r, 50));");
    await until(() => executing() === 2);
    await session.interrupt();
    expect((await busy).outcome.status).toBe("interrupted");
    expect((await kept).outcome.status).toBe("interrupted");
    expect((await run("main", "ran")).result).toBe("false");
  });

  it("aborts the signal of a running cell, not that of work left behind by an earlier one", async () => {
    const host = '(globalThis as any)[Symbol.for("moelab.host")]';
    await run("main", `const left = ${host}.signal;`);
    const [first, second] = [
      run("main", "await new Promise(() => {})"),
      run("other", "await new Promise(() => {})"),
    ];
    await until(() => executing() === 2);
    await session.interrupt();
    await Promise.all([first, second]);
    expect((await run("main", "left.aborted")).result).toBe("false");
  });

  it("tells what an expression gives while a synchronous cell of another lane computes", async () => {
    await run("main", "let turns = 0; const bag = { list: [1, 2] }; const twice = (n: number) => 2 * n;");
    let begun = false;
    const busy = session.execute({ code: "console.log('begun'); for (;;) turns++;" }, () => {
      begun = true;
    });
    await until(() => begun);
    expect((await run("other", "bag")).result).toBe("{ list: [ 1, 2 ] }");
    expect((await run("other", "twice(bag.list.length)")).result).toBe("4");
    expect((await run("other", "bag.list.map(String).join()")).result).toBe("'1,2'");
    const first = Number((await run("other", "turns")).result);
    expect(Number((await run("other", "turns")).result)).toBeGreaterThan(first);
    // With effects, or of more than an expression, it waits for its turn.
    const waiting = run("other", "bag.list.push(3)");
    await until(() => executing() === 2);
    expect((await run("third", "bag.list")).result).toBe("[ 1, 2 ]");
    await session.interrupt();
    expect((await busy).status).toBe("interrupted");
    expect((await waiting).outcome.status).toBe("interrupted");
    expect((await run("main", "[bag, turns > 0]")).result).toBe("[ { list: [ 1, 2 ] }, true ]");
  });

  it("has all running cells die with the executor", async () => {
    const cells = [run("main", "await new Promise(() => {})"), run("other", "await new Promise(() => {})")];
    await until(() => executing() === 2);
    process.kill(session.executorPid!, "SIGKILL");
    const ended = await Promise.all(cells);
    expect(ended.map(({ outcome }) => outcome.status)).toEqual(["died", "died"]);
    expect((await run("other", "1 + 1")).result).toBe("2");
  });
});
