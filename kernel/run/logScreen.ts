import { rewritesLine, settleLine, trailingMoves } from "../notebook/carriage.js";
import type { SessionEvent } from "../session/events.js";
import type { CellScreen } from "./cellScreen.js";
import { bundleText } from "./outputText.js";
import type { Terminal } from "./terminal.js";
import { Throttle } from "./throttle.js";

/** How often something that changes in place is printed into a log, in milliseconds. */
const logInterval = 5000;

type StreamName = "stdout" | "stderr";

/**
 * A cell's outputs in a log file or a pipe, where nothing can be taken back: what is written over itself, updated or
 * cleared is printed every {@link logInterval} and once more with its last content.
 */
export class LogScreen implements CellScreen {
  private readonly lines: Record<StreamName, LogLine>;
  private readonly displays = new Map<string, Throttle>();
  private clearNext = false;
  /** Present once the cell clears its outputs: what it shows between two clears. */
  private frame: Throttle | undefined;
  private frameText = "";
  private framePrinted = 0;
  /** Whether the last frame that was printed ended without a line break. */
  private frameLineOpen = false;

  /** @param options.rawStreams streams pass through as they are, `\r` included. Default false. */
  constructor(
    private readonly terminal: Terminal,
    private readonly options: { rawStreams?: boolean } = {},
  ) {
    const line = (name: StreamName) => new LogLine((text) => this.print(text, name));
    this.lines = { stdout: line("stdout"), stderr: line("stderr") };
  }

  show(event: SessionEvent): void {
    switch (event.type) {
      case "clearOutput":
        if (event.wait) this.clearNext = true;
        else this.startFrame();
        return;
      case "updateDisplay":
        this.display(event.displayId).offer(ownLines(bundleText(event.data)));
        return;
    }
    if (this.clearNext) this.startFrame();
    switch (event.type) {
      case "stream":
        if (this.options.rawStreams) this.terminal.write(event.text, event.name);
        else this.lines[event.name].append(event.text);
        return;
      case "display":
        if (event.displayId === undefined) this.printOwnLines(bundleText(event.data));
        else this.display(event.displayId).offer(ownLines(bundleText(event.data)));
        return;
      case "result":
        this.printOwnLines(bundleText(event.data));
        return;
      case "error":
        this.printOwnLines(event.error.traceback.join("\n"), "stderr");
    }
  }

  end(): void {
    for (const display of this.displays.values()) display.flush();
    this.endLines();
    this.frame?.flush();
  }

  private display(id: string): Throttle {
    let display = this.displays.get(id);
    if (!display) {
      display = new Throttle(logInterval, (text) => this.printOwnLines(text));
      this.displays.set(id, display);
    }
    return display;
  }

  private startFrame(): void {
    this.clearNext = false;
    if (!this.frame) this.endLines();
    for (const line of Object.values(this.lines)) line.clear();
    for (const display of this.displays.values()) display.drop();
    this.frame?.drop();
    this.frame ??= new Throttle(logInterval, () => this.printFrame());
    this.frameText = "";
    this.framePrinted = 0;
  }

  private printFrame(): void {
    if (this.framePrinted === 0 && this.frameLineOpen) this.terminal.write("\n");
    this.terminal.write(this.frameText.slice(this.framePrinted));
    this.framePrinted = this.frameText.length;
    this.frameLineOpen = !this.frameText.endsWith("\n");
  }

  private printOwnLines(text: string, name: StreamName = "stdout"): void {
    this.endLines();
    this.print(ownLines(text), name);
  }

  private endLines(): void {
    for (const line of Object.values(this.lines)) line.end();
  }

  private print(text: string, name: StreamName): void {
    if (!this.frame || name === "stderr") {
      this.terminal.write(text, name);
      return;
    }
    this.frameText += text;
    // What follows in a frame that is already being printed belongs to it.
    if (this.framePrinted > 0) this.printFrame();
    else this.frame.offer(this.frameText);
  }
}

/** The unfinished line of a stream. Plain text passes at once; a line that is written over itself is held back. */
class LogLine {
  /** The line's settled text since the last line break. */
  private text = "";
  private rewritten = false;
  /** What of the line was printed last, and whether the log's own line is still open behind it. */
  private printed = "";
  private open = false;
  private readonly throttle = new Throttle(logInterval, (text) => this.printLine(text));

  constructor(private readonly print: (text: string) => void) {}

  append(text: string): void {
    const parts = text.split("\n");
    const rest = parts.pop() ?? "";
    for (const part of parts) {
      this.add(part.endsWith("\r") ? part.slice(0, -1) : part);
      this.end(true);
    }
    if (rest !== "") this.add(rest);
  }

  /** Prints what was held back and ends the line, if one is open or `always`. */
  end(always = false): void {
    this.throttle.drop();
    const final = this.text.replace(trailingMoves, "");
    if (this.rewritten && final !== this.printed) this.printLine(final);
    if (this.open || (always && !this.rewritten)) this.print("\n");
    this.clear();
  }

  /** Forgets the line. */
  clear(): void {
    this.throttle.drop();
    this.text = this.printed = "";
    this.rewritten = this.open = false;
  }

  private add(text: string): void {
    if (!this.rewritten && !rewritesLine(text)) {
      this.text += text;
      this.printed += text;
      this.open = true;
      this.print(text);
      return;
    }
    this.rewritten = true;
    this.text = settleLine(this.text + text);
    const visible = this.text.replace(trailingMoves, "");
    if (visible !== "" && visible !== this.printed) this.throttle.offer(visible);
  }

  private printLine(text: string): void {
    this.print(`${this.open ? "\n" : ""}${text}\n`);
    this.printed = text;
    this.open = false;
  }
}

function ownLines(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
