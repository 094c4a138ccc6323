import { describe, expect, it } from "vitest";
import { endOfCellMark } from "../../../kernel/executor/nativeMark.js";
import { Deliveries } from "../../../kernel/session/deliveries.js";
import type { SessionEvent } from "../../../kernel/session/events.js";
import { executorDied } from "../../../kernel/session/exitReport.js";
import { NativeOutput } from "../../../kernel/session/nativeOutput.js";
import { OpenComms } from "../../../kernel/session/openComms.js";
import { OutputCoalescer } from "../../../kernel/session/outputCoalescer.js";
import { initialState, nextState, type SessionChange } from "../../../kernel/session/sessionState.js";

describe("native output", () => {
  it("gives up its marks however the pipe cuts it", () => {
    const whole = Buffer.from(`é1${endOfCellMark("id", 7)}\u001etwo${endOfCellMark("id", 12)}three\u001e`);
    for (let cut = 0; cut <= whole.length; cut++) {
      const output = new NativeOutput("id");
      const parts = [...output.push(whole.subarray(0, cut)), ...output.push(whole.subarray(cut))];
      const rest = output.end();
      const text = parts.map((part) => (part.type === "text" ? part.text : `[${part.cell}]`)).join("") + rest;
      expect(text).toBe("é1[7]\u001etwo[12]three\u001e");
    }
  });

  it("leaves the marks of other executors alone", () => {
    const output = new NativeOutput("mine");
    const foreign = endOfCellMark("yours", 1);
    expect(output.push(Buffer.from(`${foreign} and more text to come`))).toEqual([
      { type: "text", text: `${foreign} and more text to come` },
    ]);
  });
});

describe("outputs", () => {
  it("are joined, in order while they change seldom, and report when they were emitted", async () => {
    const emitted: string[] = [];
    let flushed = 0;
    let release = () => {};
    const outputs = new OutputCoalescer<string>((cell, output) => {
      emitted.push(`${cell} ${output.type === "stream" ? `${output.name} ${output.text}` : output.type}`);
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    const add = (cell: string, name: "stdout" | "stderr", text: string) =>
      outputs.add(cell, { type: "stream", name, text }, () => flushed++);
    add("a", "stdout", "1");
    add("a", "stdout", "2");
    add("a", "stderr", "e");
    add("b", "stdout", "3");
    add("a", "stdout", "4");
    expect(emitted).toEqual([]);
    outputs.flush();
    outputs.flush();
    expect(emitted).toEqual(["a stdout 12", "a stderr e", "b stdout 3", "a stdout 4"]);
    expect(flushed).toBe(0);
    release();
    await Promise.resolve();
    expect(flushed).toBe(1);
    emitted.length = 0;
    for (let i = 0; i < 1000; i++) add("a", i % 2 ? "stderr" : "stdout", "x");
    outputs.flush();
    expect(emitted.length).toBeLessThan(25);
    expect(emitted.join("").replace(/[^x]/g, "").length).toBe(1000);
  });

  it("that nobody would see are left out", () => {
    const emitted: unknown[] = [];
    let taken = 0;
    const outputs = new OutputCoalescer<string>((cell, output) => {
      const what = output.type === "stream" ? output.text : "data" in output ? output.data["text/plain"] : "";
      emitted.push(`${cell} ${output.type} ${what}`);
    });
    const add = (cell: string, output: any) => outputs.add(cell, { metadata: {}, ...output }, () => taken++);
    const data = (text: string) => ({ data: { "text/plain": text } });
    add("a", { type: "display", displayId: "i", ...data("0") });
    for (let i = 1; i < 100; i++) {
      add("a", { type: "updateDisplay", displayId: "i", ...data(`i${i}`) });
      add("a", { type: "stream", name: "stdout", text: "." });
      add("b", { type: "updateDisplay", displayId: "j", ...data(`j${i}`) });
    }
    outputs.flush();
    expect(emitted).toEqual([
      "a display 0",
      `a stream ${".".repeat(99)}`,
      "a updateDisplay i99",
      "b updateDisplay j99",
    ]);
    emitted.length = 0;
    for (let i = 1; i < 100; i++) {
      add("a", { type: "display", ...data(String(i)) });
      add("a", { type: "clearOutput", wait: true });
    }
    add("b", { type: "display", ...data("other") });
    outputs.flush();
    // What is cleared stays until something takes its place.
    expect(emitted).toEqual(["a clearOutput ", "a display 99", "a clearOutput ", "b display other"]);
    expect(taken).toBe(1 + 297 + 198 + 1);
  });
});

it("a session's state follows from what happens", () => {
  const after = (...changes: SessionChange[]) => changes.reduce(nextState, initialState);
  const started = after({ type: "executorStarting" }, { type: "executorReady" });
  expect(started.executor).toEqual({ generation: 1, phase: "ready" });
  const checked = { type: "cellCompiling", lane: "main", counted: true } as const;
  const running = [checked, { type: "cellExecuting", cell: 1 }] as const;
  const first = { cell: 1, lane: "main", phase: "executing" };
  expect(after(...running)).toMatchObject({ executionCount: 1, running: [first] });
  const beside = { type: "cellCompiling", lane: "other", counted: true } as const;
  const second = { cell: 2, lane: "other", phase: "compiling" };
  expect(after(...running, beside)).toMatchObject({ executionCount: 2, running: [first, second] });
  expect(after(...running, beside, { type: "cellEnded", cell: 1 }).running).toEqual([second]);
  const silent = after(...running, { type: "cellEnded", cell: 1 }, { ...checked, counted: false });
  expect(silent).toMatchObject({
    executionCount: 1,
    lastCell: 2,
    running: [{ cell: 2, phase: "compiling" }],
  });
  expect(nextState(silent, { type: "restarted" })).toMatchObject({ executionCount: 0, lastCell: 2 });
});

it("a dead executor's report names the signal, its likely cause and the last native lines", () => {
  const report = { code: null, nativeErrors: ["terminate called"], exitedByCell: false, stopped: false };
  const { name, message, traceback } = executorDied({ ...report, signal: "SIGKILL" });
  expect(name).toBe("ExecutorDied");
  expect(message).toContain("SIGKILL (often the system's answer to a lack of memory)");
  expect(traceback).toContain("  terminate called");
  expect(traceback.at(-1)).toContain("variables are lost");
  const outOfMemory = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory";
  const full = executorDied({ ...report, signal: "SIGABRT", nativeErrors: [outOfMemory, "1: 0xcafe node"] });
  expect(full.message).toContain("the heap of JavaScript was full");
});

describe("comms", () => {
  const say = (action: "open" | "message" | "close", comm: string, target = "") => ({
    action,
    comm,
    target,
    data: {},
    metadata: {},
  });

  it("are open from the first to the last word of either side, by target", () => {
    const comms = new OpenComms();
    for (const [comm, target] of ["ab", "cb", "da"]) comms.note(say("open", comm, target));
    comms.note(say("message", "x"));
    comms.note(say("close", "c"));
    expect([...comms.list()]).toEqual([
      ["a", "b"],
      ["d", "a"],
    ]);
    expect([...comms.list("b")]).toEqual([["a", "b"]]);
    expect([comms.has("a"), comms.has("c"), comms.has("x")]).toEqual([true, false, false]);
    expect(comms.closeAll()).toEqual([say("close", "a"), say("close", "d")]);
    expect(comms.list().size).toBe(0);
  });

  it("messages keep the way to where their output goes, also when they have ended", async () => {
    const deliveries = new Deliveries();
    const events: SessionEvent[] = [];
    const ended: number[] = [];
    for (const number of [1, 2, 3]) {
      void deliveries
        .start(number, `m${number}`, (event) => events.push(event))
        .then(() => ended.push(number));
    }
    deliveries.end(2);
    deliveries.end(2);
    deliveries.end(9);
    await null;
    expect(ended).toEqual([2]);
    expect(deliveries.find(2)).toMatchObject({ id: "m2", ended: false });
    expect(deliveries.find(9)).toBeUndefined();
    deliveries.endAll();
    await null;
    expect(ended).toEqual([2, 1, 3]);

    for (let number = 10; number < 2000; number++) {
      void deliveries.start(number, "", () => {});
      deliveries.end(number);
    }
    expect([deliveries.find(2), deliveries.find(1999)?.ended]).toEqual([undefined, false]);
  });
});
