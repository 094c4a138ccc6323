import { describe, expect, it } from "vitest";
import type { Output } from "../../../kernel/notebook/format.js";
import {
  applyEvent,
  applyToNotebook,
  type CellOutputs,
  noOutputs,
  storedOutputs,
} from "../../../kernel/notebook/outputModel.js";
import type { SessionEvent } from "../../../kernel/session/events.js";

const print = (text: string, name: "stdout" | "stderr" = "stdout"): SessionEvent => ({
  type: "stream",
  name,
  text,
});
const show = (text: string, displayId?: string): SessionEvent => ({
  type: "display",
  data: { "text/plain": text },
  metadata: {},
  displayId,
});
const update = (text: string, displayId: string): SessionEvent => ({
  type: "updateDisplay",
  data: { "text/plain": text },
  metadata: {},
  displayId,
});
const clear = (wait: boolean): SessionEvent => ({ type: "clearOutput", wait });

const after = (...events: SessionEvent[]): CellOutputs => events.reduce(applyEvent, noOutputs);
const stored = (...events: SessionEvent[]): Output[] => storedOutputs(after(...events));
const texts = (outputs: Output[]): unknown[] =>
  outputs.map((output) => {
    if (output.output_type === "stream") return output.text;
    return output.output_type === "error" ? output.evalue : output.data["text/plain"];
  });

describe("streams", () => {
  it("joins consecutive texts of one stream and keeps the order of two", () => {
    expect(stored(print("a"), print("b\n"), print("oh\n", "stderr"), print("c"))).toEqual([
      { output_type: "stream", name: "stdout", text: "ab\n" },
      { output_type: "stream", name: "stderr", text: "oh\n" },
      { output_type: "stream", name: "stdout", text: "c" },
    ]);
  });

  it("stores 200 updates of a progress line as its last text", () => {
    const updates = Array.from({ length: 200 }, (_, step) => print(`\rstep ${step + 1}/200`));
    expect(texts(stored(...updates))).toEqual(["step 200/200"]);
    const trailing = Array.from({ length: 200 }, (_, step) => print(`step ${step + 1}/200\r`));
    expect(texts(stored(...trailing, print("\n")))).toEqual(["step 200/200\n"]);
  });

  it("keeps what a shorter text did not overwrite, as a terminal does", () => {
    expect(texts(stored(print("100 of 100\r"), print("99")))).toEqual(["990 of 100\b\b\b\b\b\b\b\b"]);
    expect(texts(stored(print("100 of 100\r99\n")))).toEqual(["990 of 100\n"]);
    expect(texts(stored(print("100 of 100\r\u001b[K99\n")))).toEqual(["99\n"]);
    expect(texts(stored(print("100 of 100\u001b[2K\r99\n")))).toEqual(["99\n"]);
    expect(texts(stored(print("100 of 100"), print("\u001b[2K"), print("\u001b[1G"), print("99\n")))).toEqual(
      ["99\n"],
    );
  });

  it("goes back with backspaces, over several texts", () => {
    expect(texts(stored(print("10%"), print("\b\b\b"), print("20%"), print("\b\b\b30%\n")))).toEqual([
      "30%\n",
    ]);
  });

  it("takes \\r\\n for a line break, also when it comes in two texts", () => {
    expect(texts(stored(print("one\r\ntwo\r"), print("\nthree")))).toEqual(["one\ntwo\nthree"]);
  });

  it("moves colours with their characters", () => {
    const red = "\u001b[31m";
    const green = "\u001b[32m";
    const off = "\u001b[0m";
    expect(texts(stored(print(`${red}10%${off} a\r`), print(`${green}20%${off}\n`)))).toEqual([
      `${green}20%${off} a\n`,
    ]);
  });

  it("leaves lines alone that are not written over", () => {
    const text = "\u001b[1mbold\u001b[22m \u001b[3A up\n\ttab é 👩‍💻 \u0007";
    expect(texts(stored(print(text)))).toEqual([text]);
  });

  it("stays fast when a long output comes in many pieces", () => {
    const start = performance.now();
    let cell = noOutputs;
    const totalLength =
      Array.from({ length: 20_000 }, (_, piece) => `line ${piece}\n`.length * 10).reduce((a, b) => a + b) +
      20_000;
    for (let piece = 0; piece < 20_000; piece++) cell = applyEvent(cell, print(`line ${piece}\n`.repeat(10)));
    for (let dot = 0; dot < 20_000; dot++) cell = applyEvent(cell, print("."));
    expect((storedOutputs(cell)[0] as { text: string }).text).toHaveLength(totalLength);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("clearing", () => {
  it("clears at once without wait", () => {
    expect(stored(print("a"), clear(false))).toEqual([]);
    expect(texts(stored(print("a"), clear(false), print("b")))).toEqual(["b"]);
  });

  it("clears with wait when the next output comes, and not before", () => {
    expect(texts(stored(print("a"), clear(true)))).toEqual(["a"]);
    expect(texts(stored(print("a"), clear(true), print("b"), print("c")))).toEqual(["bc"]);
    expect(texts(stored(show("a"), clear(true), show("b")))).toEqual(["b"]);
  });

  it("does not take an update for the next output", () => {
    expect(texts(stored(show("a", "bar"), clear(true), update("b", "bar")))).toEqual(["b"]);
    expect(texts(stored(show("a", "bar"), clear(true), update("b", "bar"), print("c")))).toEqual(["c"]);
  });
});

describe("displays", () => {
  it("stores 200 updates as one output, without the id", () => {
    const updates = Array.from({ length: 200 }, (_, step) => update(`${step + 1}`, "bar"));
    expect(stored(show("0", "bar"), ...updates)).toEqual([
      { output_type: "display_data", data: { "text/plain": "200" }, metadata: {} },
    ]);
  });

  it("updates every display with the id, and ignores unknown ids", () => {
    expect(
      texts(stored(show("a", "x"), print("-"), show("b", "x"), update("c", "x"), update("d", "y"))),
    ).toEqual(["c", "-", "c"]);
  });

  it("updates displays in the cells above", () => {
    let cells: ReadonlyMap<string, CellOutputs> = new Map();
    cells = applyToNotebook(cells, "one", show("0 %", "bar"));
    cells = applyToNotebook(cells, "two", print("working\n"));
    cells = applyToNotebook(cells, "two", update("100 %", "bar"));
    expect([...cells].map(([id, cell]) => [id, texts(storedOutputs(cell))])).toEqual([
      ["one", ["100 %"]],
      ["two", ["working\n"]],
    ]);
  });

  it("does not change the state it was given", () => {
    const before = after(show("a", "x"), print("b"));
    const snapshot = structuredClone(before);
    for (const event of [update("c", "x"), print("\rd"), clear(false), clear(true)])
      applyEvent(before, event);
    expect(before).toEqual(snapshot);
  });
});

it("stores results and errors as nbformat does", () => {
  const error = { name: "TypeError", message: "no", traceback: ["TypeError: no", "  at cell-1:1"] };
  expect(
    stored(
      { type: "result", data: { "text/plain": "3" }, metadata: {}, executionCount: 4 },
      { type: "error", error },
    ),
  ).toEqual([
    { output_type: "execute_result", data: { "text/plain": "3" }, metadata: {}, execution_count: 4 },
    { output_type: "error", ename: "TypeError", evalue: "no", traceback: error.traceback },
  ]);
});
