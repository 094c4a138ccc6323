// biome-ignore-all lint/suspicious/noControlCharactersInRegex: terminals are driven by them
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogScreen } from "../../../kernel/run/logScreen.js";
import { rowsBelow } from "../../../kernel/run/screenRows.js";
import type { Terminal } from "../../../kernel/run/terminal.js";
import { WindowScreen } from "../../../kernel/run/windowScreen.js";
import type { SessionEvent } from "../../../kernel/session/events.js";

/** A window that understands what a VT100 does with the few controls that the runner uses. */
class Window implements Terminal {
  readonly inPlace = true;
  readonly oneWindow = true;
  readonly colour = false;
  written = "";
  private lines: string[][] = [[]];
  private row = 0;
  private column = 0;

  constructor(
    readonly columns: number,
    readonly rows: number,
  ) {}

  write(text: string): void {
    this.written += text;
    for (const [token] of text.matchAll(/\u001b\[(\d*)([A-Za-z])|./gsu)) {
      const control = /^\u001b\[(\d*)([A-Za-z])$/.exec(token);
      if (control?.[2] === "A") this.row = Math.max(this.top(), this.row - Number(control[1] || 1));
      else if (control?.[2] === "J") {
        this.lines.length = this.row + 1;
        this.lines[this.row].length = this.column;
      } else if (token === "\r") this.column = 0;
      else if (token === "\n") this.lineFeed();
      else if (!control) {
        if (this.column === this.columns) this.lineFeed();
        this.lines[this.row][this.column++] = token;
      }
    }
  }

  /** What is in the window and what was scrolled out of it. */
  content(): string {
    return this.lines.map((line) => Array.from(line, (character) => character ?? " ").join("")).join("\n");
  }

  async drained(): Promise<void> {}

  /** Rows above are scrolled out of reach. */
  private top(): number {
    return Math.max(0, this.lines.length - this.rows);
  }

  private lineFeed(): void {
    this.row++;
    this.column = 0;
    this.lines[this.row] ??= [];
  }
}

/** A log file. */
class Log implements Terminal {
  readonly inPlace = false;
  readonly oneWindow = false;
  readonly colour = false;
  readonly columns = 100;
  readonly rows = 24;
  stdout = "";
  stderr = "";

  write(text: string, stream: "stdout" | "stderr" = "stdout"): void {
    this[stream] += text;
  }

  async drained(): Promise<void> {}
}

const print = (text: string, name: "stdout" | "stderr" = "stdout"): SessionEvent => ({
  type: "stream",
  name,
  text,
});
const shown = (text: string) => ({ data: { "text/plain": text }, metadata: {} });
const show = (text: string, displayId?: string): SessionEvent => ({
  type: "display",
  ...shown(text),
  displayId,
});
const update = (text: string, displayId: string): SessionEvent => ({
  type: "updateDisplay",
  ...shown(text),
  displayId,
});
const clear = (wait = true): SessionEvent => ({ type: "clearOutput", wait });

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

describe("in a window", () => {
  const run = (window: Window, ...events: (SessionEvent | number)[]): string => {
    const screen = new WindowScreen(window);
    for (const event of events)
      typeof event === "number" ? vi.advanceTimersByTime(event) : screen.show(event);
    screen.end();
    return window.content();
  };

  it("streams pass through as they come", () => {
    const window = new Window(20, 5);
    const screen = new WindowScreen(window);
    screen.show(print("a"));
    expect(window.written).toBe("a");
    screen.show(print("\rb"));
    expect(window.written).toBe("a\rb");
    screen.end();
    expect(window.content()).toBe("b\n");
  });

  it("displays have lines of their own", () => {
    expect(run(new Window(20, 9), print("a"), show("D"), print("b"), print("c"), show("E"))).toBe(
      "a\nD\nbc\nE\n",
    );
  });

  it("updates replace a display, also between other outputs", () => {
    expect(run(new Window(20, 9), show("10 %", "x"), print("log\n"), update("20 %", "x"))).toBe(
      "20 %\nlog\n",
    );
    expect(run(new Window(20, 9), print("open"), show("1\n2\n3", "x"), print("tail"), update("4", "x"))).toBe(
      "open\n4\ntail\n",
    );
  });

  it("wrapped lines and wide characters are counted", () => {
    const long = "0123456789".repeat(3);
    expect(run(new Window(10, 9), show(long, "x"), print("log\n"), update("short", "x"))).toBe(
      "short\nlog\n",
    );
    expect(
      run(new Window(10, 9), show("専門家の混合モデル", "x"), print("log\n"), update("short", "x")),
    ).toBe("short\nlog\n");
    expect(rowsBelow("x".repeat(20), 10)).toBe(1);
    expect(rowsBelow("x".repeat(21), 10)).toBe(2);
    expect(rowsBelow("\u001b[31mred\u001b[0m\n\n", 10)).toBe(2);
  });

  it("many updates are drawn at most every 50 ms, the last one always", () => {
    const window = new Window(20, 9);
    const updates = Array.from({ length: 200 }, (_, at) => [update(`${at}`, "x"), 5]).flat();
    expect(run(window, show("start", "x"), ...updates, update("end", "x"))).toBe("end\n");
    expect(window.written.split("\u001b[J").length).toBeLessThan(25);
  });

  it("an update of what has left the window is shown again below", () => {
    const lines = Array.from({ length: 20 }, (_, at) => `${at}\n`).join("");
    const content = run(
      new Window(20, 6),
      show("first", "x"),
      print(lines),
      update("second", "x"),
      60,
      update("third", "x"),
    );
    expect(content).toBe(`first\n${lines}third\n`);
  });

  it("clear with wait replaces without a gap", () => {
    expect(
      run(new Window(20, 9), print("one\nopen"), clear(), print("two\n"), 60, clear(), print("three")),
    ).toBe("three\n");
    expect(run(new Window(20, 9), print("one\n"), clear(false))).toBe("");
  });

  it("stays right when much is printed between updates", () => {
    const events = Array.from({ length: 500 }, (_, at) => [
      print(`line ${at}\n`),
      update(`bar ${at}`, "x"),
      3,
    ]).flat();
    const content = run(new Window(40, 10), show("bar", "x"), ...events);
    for (let at = 0; at < 500; at++) expect(content).toContain(`line ${at}\n`);
    expect(content).toContain("bar 499\n");
  });
});

describe("in a log", () => {
  const run = (log: Log, ...events: (SessionEvent | number)[]): string => {
    const screen = new LogScreen(log);
    for (const event of events)
      typeof event === "number" ? vi.advanceTimersByTime(event) : screen.show(event);
    screen.end();
    return log.stdout;
  };

  it("plain streams pass through at once, each to its own", () => {
    const log = new Log();
    const screen = new LogScreen(log);
    screen.show(print("a"));
    screen.show(print("oh\n", "stderr"));
    expect([log.stdout, log.stderr]).toEqual(["a", "oh\n"]);
    screen.show(print("b\n\nc\r\nd"));
    screen.end();
    expect(log.stdout).toBe("ab\n\nc\nd\n");
  });

  it("a progress line is printed every 5 s and at its end", () => {
    const steps = Array.from({ length: 120 }, (_, at) => [print(`\rstep ${at + 1}/120`), 100]).flat();
    expect(run(new Log(), ...steps, print("\nnext\n"))).toBe(
      "step 1/120\nstep 50/120\nstep 100/120\nstep 120/120\nnext\n",
    );
  });

  it("a progress line that first looked plain goes on below", () => {
    expect(run(new Log(), print("10%"), print("\r20%"), 100, print("\r30%"), print("\n"))).toBe(
      "10%\n20%\n30%\n",
    );
    expect(run(new Log(), print("10%\r"), print("20%\r"), print("30%\r"), print("\n"))).toBe("10%\n30%\n");
  });

  it("updates are printed every 5 s and at the end", () => {
    const updates = Array.from({ length: 110 }, (_, at) => [100, update(`${at + 1}`, "x")]).flat();
    expect(run(new Log(), show("0", "x"), ...updates)).toBe("0\n49\n99\n110\n");
  });

  it("of cleared outputs one is printed every 5 s, and the last", () => {
    const frames = Array.from({ length: 110 }, (_, at) => [
      clear(),
      print(`frame ${at}\n`),
      show("plot"),
      100,
    ]).flat();
    const printed = run(new Log(), print("before\n"), ...frames);
    expect(printed.match(/frame \d+\nplot\n/g)?.length).toBe(4);
    expect(printed.endsWith("frame 109\nplot\n")).toBe(true);
    expect(printed.startsWith("before\nframe 0\nplot\n")).toBe(true);
  });

  it("what was cleared in the middle of a line stays on its own line", () => {
    expect(run(new Log(), print("open"), clear(), print("next"), 6000, clear(), print("last"))).toBe(
      "open\nnext\nlast\n",
    );
  });

  it("a script's streams pass through as they are", () => {
    const log = new Log();
    const screen = new LogScreen(log, { rawStreams: true });
    screen.show(print("a\rb\n\u001b[2K"));
    screen.end();
    expect(log.stdout).toBe("a\rb\n\u001b[2K");
  });

  it("pictures are named when they have no text", () => {
    expect(run(new Log(), { type: "display", data: { "image/png": "aGk=" }, metadata: {} })).toBe(
      "[image/png]\n",
    );
  });
});
