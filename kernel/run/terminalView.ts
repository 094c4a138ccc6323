import { stripVTControlCharacters } from "node:util";
import type { CodeCell } from "../notebook/format.js";
import type { CellStatus, SessionEvent } from "../session/events.js";
import { mayFail } from "./cellLoop.js";
import type { CellScreen } from "./cellScreen.js";
import { LogScreen } from "./logScreen.js";
import type { RunEvent } from "./runState.js";
import type { Terminal } from "./terminal.js";
import { WindowScreen } from "./windowScreen.js";

/** The screen for one cell on this terminal. */
export function cellScreen(terminal: Terminal, options: { rawStreams?: boolean } = {}): CellScreen {
  return terminal.inPlace ? new WindowScreen(terminal) : new LogScreen(terminal, options);
}

/** The event as a terminal shows it: without colours where there are none. */
export function terminalEvent(event: SessionEvent, { colour }: Terminal): SessionEvent {
  if (colour || event.type !== "error") return event;
  const traceback = event.error.traceback.map((line) => stripVTControlCharacters(line));
  return { ...event, error: { ...event.error, traceback } };
}

/** Shows a notebook's run: a heading per cell, its outputs as they come, and a summary. */
export class TerminalView {
  private readonly numbers: ReadonlyMap<string, number>;
  private screen: CellScreen | undefined;
  private current = "";
  private readonly failures: { number: number; reason: string }[] = [];
  private ended = 0;
  private startTime = 0;

  /** @param cells the cells that the run executes, in order */
  constructor(
    private readonly terminal: Terminal,
    private readonly cells: readonly CodeCell[],
    private readonly outputPath: string,
  ) {
    this.numbers = new Map(cells.map((cell, index) => [cell.id, index + 1]));
  }

  handle(event: RunEvent): void {
    switch (event.type) {
      case "runStarted":
        this.startTime = event.time;
        return;
      case "cellStarted":
        this.current = event.cellId;
        this.screen = cellScreen(this.terminal);
        this.terminal.write(this.heading(event.cellId));
        return;
      case "cellEvent":
        // Work that an earlier cell left behind shows its output among that of the running cell.
        if (event.cellId !== this.current && event.event.type === "clearOutput") return;
        this.screen?.show(terminalEvent(event.event, this.terminal));
        return;
      case "cellEnded": {
        this.screen?.end();
        const { status, error } = event.outcome;
        this.ended++;
        const number = this.number(event.cellId);
        const expected = status === "error" && mayFail(this.cells[number - 1]);
        if (status !== "ok" && !expected) this.failures.push({ number, reason: error?.name ?? status });
        return;
      }
      case "runEnded":
        this.screen?.end();
        this.terminal.write(this.summary(event.status, event.time - this.startTime));
    }
  }

  /** The first Ctrl+C, or its like, came. */
  stopping(): void {
    if (!this.terminal.inPlace) return;
    this.terminal.write(`\n${this.style("dim", "stopping the cell; once more stops at once")}\n`);
    this.interrupted();
  }

  /** Work that cells left behind failed. */
  backgroundFailed(traceback: readonly string[]): void {
    this.screen?.end();
    const text = `${traceback.join("\n")}\n`;
    this.terminal.write(this.terminal.colour ? text : stripVTControlCharacters(text), "stderr");
  }

  /** Something else, such as a question and its answer, was written into the window. */
  interrupted(): void {
    if (this.screen instanceof WindowScreen) this.screen.forget();
  }

  private number(cellId: string): number {
    return this.numbers.get(cellId) ?? 0;
  }

  private heading(cellId: string): string {
    const number = this.number(cellId);
    const source = this.cells[number - 1]?.source ?? "";
    const line = source.split("\n").find((each) => each.trim() !== "") ?? "";
    const text = `[${number}/${this.cells.length}] ${line.trim()}`;
    const width = this.terminal.columns - 1;
    return `${this.style("dim", text.length > width ? `${text.slice(0, width - 1)}…` : text)}\n`;
  }

  private summary(status: CellStatus, milliseconds: number): string {
    const end = ` (${duration(milliseconds)}) → ${this.outputPath}\n`;
    const total = this.cells.length;
    if (status === "ok") return this.style("green", `ok: ${cellCount(total)}`) + end;
    const [first, ...others] = this.failures;
    const notRun = total - this.ended;
    const ended = status === "error" ? "failed" : status;
    const place = first
      ? `cell ${first.number} of ${total} (${first.reason})`
      : `${this.ended} of ${cellCount(total)} run`;
    const parts = [
      `${ended}: ${place}`,
      ...(others.length > 0 ? [`${cellCount(others.length)} more failed`] : []),
      ...(first && notRun > 0 ? [`${cellCount(notRun)} not run`] : []),
    ];
    return this.style("red", parts.join(", ")) + end;
  }

  private style(style: keyof typeof styles, text: string): string {
    return this.terminal.colour ? `${styles[style]}${text}\u001b[0m` : text;
  }
}

const styles = { dim: "\u001b[2m", green: "\u001b[32m", red: "\u001b[31m" };

function cellCount(count: number): string {
  return `${count} ${count === 1 ? "cell" : "cells"}`;
}

/** Milliseconds as people say them: "0.42 s", "31.5 s", "12 min 5 s", "3 h 10 min". */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
