import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { globMatcher } from "../../../kernel/messaging/history/glob.js";
import { History, type HistoryQuery } from "../../../kernel/messaging/history/history.js";
import { HistoryFolder, historyFolder } from "../../../kernel/messaging/history/historyFolder.js";

describe("a glob", () => {
  it("matches as SQLite's", () => {
    const matches = (pattern: string, text: string) => globMatcher(pattern)(text);
    expect(matches("a*c", "a\nb\nc")).toBe(true);
    expect(matches("a*c", "abcd")).toBe(false);
    expect(matches("?", "\u{1d4b3}")).toBe(true);
    expect(matches("[a-c]x[^0-9]", "bxy")).toBe(true);
    expect(matches("[a-c]x[^0-9]", "bx7")).toBe(false);
    expect(matches("[]]", "]")).toBe(true);
    expect(matches("[", "[")).toBe(true);
    expect(matches("**", "")).toBe(true);
    expect(matches("a.c(", "abc(")).toBe(false);
  });

  it("does not take for ever over a pattern made to", () => {
    expect(globMatcher(`${"*a".repeat(50)}b`)("a".repeat(5000))).toBe(false);
  });
});

describe("history", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "moelab-history-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A kernel's history with these cells executed. */
  async function kernel(...sources: string[]): Promise<History> {
    const history = new History(new HistoryFolder(folder));
    for (const [index, source] of sources.entries()) history.add(index + 1, source);
    await history.close();
    return history;
  }
  const texts = async (history: History, query: HistoryQuery) =>
    (await history.find(query)).map(({ session, line, source }) => `${session}/${line} ${source}`);
  const all = Number.POSITIVE_INFINITY;

  it("goes on over kernels: the tail, ranges of sessions, and what matches", async () => {
    await kernel("one", "two");
    await kernel("one", "three\nlines");
    const history = await kernel("four", "one", "five");
    expect(await texts(history, { type: "tail", n: 4 })).toEqual([
      "2/2 three\nlines",
      "3/1 four",
      "3/2 one",
      "3/3 five",
    ]);
    expect(await texts(history, { type: "tail", n: all })).toHaveLength(7);
    const range = (session: number, start: number, stop: number | null) =>
      texts(history, { type: "range", session, start, stop });
    expect(await range(0, 2, 3)).toEqual(["3/2 one"]);
    expect(await range(0, -2, null)).toEqual(["3/2 one", "3/3 five"]);
    expect(await range(-1, 0, null)).toEqual(["2/1 one", "2/2 three\nlines"]);
    expect(await range(1, 1, 2)).toEqual(["1/1 one"]);
    expect(await range(-7, 0, null)).toEqual([]);
    const search = (pattern: string, unique: boolean, n = all) =>
      texts(history, { type: "search", pattern, unique, n });
    expect(await search("one", false)).toEqual(["1/1 one", "2/1 one", "3/2 one"]);
    expect(await search("*o*", true)).toEqual(["1/2 two", "3/1 four", "3/2 one"]);
    expect(await search("three*", true, 1)).toEqual(["2/2 three\nlines"]);
  });

  it("gives the results of this kernel's cells", async () => {
    const history = await kernel("1 + 1", "const x = 1");
    history.addOutput(1, "2");
    const found = await history.find({ type: "tail", n: 2 });
    expect(found.map(({ output }) => output)).toEqual(["2", null]);
  });

  it("keeps kernels that run at the same time apart", async () => {
    const kernels = await Promise.all(Array.from({ length: 8 }, (_, index) => kernel(`from ${index}`)));
    const tails = await Promise.all(kernels.map((each) => texts(each, { type: "tail", n: all })));
    for (const tail of tails) expect(tail).toEqual(tails[0]);
    expect(tails[0].map((text) => text.split("/")[0])).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
    expect(tails[0].map((text) => text.slice(4)).sort()).toEqual(
      Array.from({ length: 8 }, (_, index) => `from ${index}`),
    );
  });

  it("passes over damaged lines and foreign files", async () => {
    await kernel("before");
    appendFileSync(
      join(folder, "1.jsonl"),
      '{"line": 2, "sou\n\0\0\n[]\n{"line":3,"source":"after"}\n{"line"',
    );
    writeFileSync(join(folder, "notes.txt"), "mine");
    const history = await kernel("now");
    expect(await texts(history, { type: "tail", n: all })).toEqual(["1/1 before", "1/3 after", "2/1 now"]);
  });

  it("is bounded: sources that are too long stay out, the oldest sessions go", async () => {
    await kernel("x".repeat(300_000), "short");
    expect(readFileSync(join(folder, "1.jsonl"), "utf8")).toBe('{"line":2,"source":"short"}\n');
    writeFileSync(join(folder, "2.jsonl"), "x".repeat(17 * 1024 * 1024));
    await kernel("new");
    expect(readdirSync(folder)).toEqual(["3.jsonl"]);
  });

  it("works without a disk, and where one cannot write", async () => {
    for (const where of [null, new HistoryFolder("/dev/null/history")]) {
      const history = new History(where);
      history.add(1, "kept in memory");
      expect(await texts(history, { type: "tail", n: 5 })).toEqual(["1/1 kept in memory"]);
      await history.close();
    }
  });

  it("is turned off or put elsewhere by the environment", () => {
    expect(historyFolder({ MOELAB_HISTORY: "off" })).toBeNull();
    expect(historyFolder({ MOELAB_HISTORY: folder })).toBe(folder);
    expect(historyFolder({})).toMatch(/moelab.history$/);
  });
});
