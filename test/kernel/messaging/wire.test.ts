import { describe, expect, it } from "vitest";
import { toCodepoints, toUtf16 } from "../../../kernel/messaging/codepoints.js";
import { History } from "../../../kernel/messaging/history.js";
import { Wire } from "../../../kernel/messaging/wire.js";

const frames = (wire: Wire) =>
  wire.encode(["client"], "kind", { a: 1 }, {}).map((frame) => Buffer.from(frame));

describe("signed messages", () => {
  it("are read back, once", () => {
    const sent = frames(new Wire("key"));
    const receiver = new Wire("key");
    const message = receiver.decode(sent);
    expect(message?.content).toEqual({ a: 1 });
    expect(message?.identities.map(String)).toEqual(["client"]);
    expect(receiver.decode(sent)).toBeNull();
  });

  it("are refused when signed by another key, changed or cut", () => {
    const receiver = new Wire("key");
    expect(receiver.decode(frames(new Wire("other")))).toBeNull();
    const changed = frames(new Wire("key"));
    changed[6] = Buffer.from('{"a":2}');
    expect(receiver.decode(changed)).toBeNull();
    expect(receiver.decode(frames(new Wire("key")).slice(0, 4))).toBeNull();
    expect(receiver.decode([])).toBeNull();
  });

  it("need no signature without a key", () => {
    const sent = frames(new Wire(""));
    const receiver = new Wire("");
    expect(receiver.decode(sent)).not.toBeNull();
    expect(receiver.decode(sent)).not.toBeNull();
  });
});

it("cursors count code points on the wire and UTF-16 units inside", () => {
  const text = "a\u{1d4b3}b";
  expect([0, 1, 2, 3, 9].map((cursor) => toUtf16(text, cursor))).toEqual([0, 1, 3, 4, 4]);
  expect([0, 1, 3, 4].map((offset) => toCodepoints(text, offset))).toEqual([0, 1, 2, 3]);
});

describe("history", () => {
  const history = new History();
  for (const [index, source] of ["one", "two", "one", "three\nlines"].entries())
    history.add(index + 1, source);
  const lines = (found: unknown[]) => found.map((entry) => (entry as [number, number, unknown])[1]);

  it("finds the tail, a range, and what matches", () => {
    expect(lines(history.find({ hist_access_type: "tail", n: 2 }))).toEqual([3, 4]);
    expect(lines(history.find({ hist_access_type: "range", session: 0, start: 2, stop: 4 }))).toEqual([2, 3]);
    expect(lines(history.find({ hist_access_type: "range", session: -1, start: 0 }))).toEqual([]);
    expect(lines(history.find({ hist_access_type: "search", pattern: "?n*" }))).toEqual([1, 3]);
    expect(lines(history.find({ hist_access_type: "search", pattern: "one", unique: true }))).toEqual([3]);
    expect(lines(history.find({ hist_access_type: "search", pattern: "three*" }))).toEqual([4]);
  });

  it("gives outputs as null when they are asked for", () => {
    expect(history.find({ hist_access_type: "tail", n: 1, output: true })).toEqual([
      [1, 4, ["three\nlines", null]],
    ]);
  });
});
