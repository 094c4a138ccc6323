import { describe, expect, it } from "vitest";
import { endOfCellMark } from "../../../kernel/executor/nativeMark.js";
import { Deliveries } from "../../../kernel/session/deliveries.js";
import type { SessionEvent } from "../../../kernel/session/events.js";
import { executorDied } from "../../../kernel/session/exitReport.js";
import { NativeOutput } from "../../../kernel/session/nativeOutput.js";
import { OpenComms } from "../../../kernel/session/openComms.js";
import { initialState, nextState, type SessionChange } from "../../../kernel/session/sessionState.js";
import { StreamCoalescer } from "../../../kernel/session/streamCoalescer.js";

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

describe("streams", () => {
  it("are joined by cell and stream, and report when they were emitted", () => {
    const emitted: string[] = [];
    const streams = new StreamCoalescer<string>((cell, name, text) =>
      emitted.push(`${cell} ${name} ${text}`),
    );
    let flushed = 0;
    const add = (cell: string, name: "stdout" | "stderr", text: string) =>
      streams.add(cell, name, text, () => flushed++);
    add("a", "stdout", "1");
    add("a", "stderr", "e");
    add("a", "stdout", "2");
    add("b", "stdout", "3");
    add("a", "stdout", "4");
    expect([emitted, flushed]).toEqual([[], 0]);
    streams.flush();
    streams.flush();
    expect([emitted, flushed]).toEqual([["a stdout 124", "a stderr e", "b stdout 3"], 5]);
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
