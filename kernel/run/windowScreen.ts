import { applyEvent, type CellOutputs, type LiveOutput, noOutputs } from "../notebook/outputModel.js";
import type { SessionEvent } from "../session/events.js";
import type { CellScreen } from "./cellScreen.js";
import { outputText } from "./outputText.js";
import { rowsBelow } from "./screenRows.js";
import type { Terminal } from "./terminal.js";

/** The shortest time between two redraws in milliseconds: fast enough to look live, too slow to flicker. */
const redrawInterval = 50;

/**
 * A cell's outputs in a terminal window, where updated displays and cleared outputs change in place. Only what is
 * certainly still in the window is remembered; an update of something older is shown as a new output.
 */
export class WindowScreen implements CellScreen {
  private shown: CellOutputs = noOutputs;
  /** Differs from `shown` while a redraw is held back. */
  private wanted: CellOutputs = noOutputs;
  /** Whether the cursor stands behind text. */
  private lineOpen = false;
  private lastRedraw = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly terminal: Terminal) {}

  show(event: SessionEvent): void {
    if (event.type === "stream" && event.name === "stderr" && !this.terminal.oneWindow) {
      this.terminal.write(event.text, "stderr");
      return;
    }
    const before = this.wanted;
    this.wanted = applyEvent(before, this.inReach(event));
    if (event.type === "stream" && !before.clearNext && this.shown === before) {
      // The terminal interprets `\r` and colours itself, so streams are not redrawn to grow.
      this.write(event.text);
      this.remember();
      return;
    }
    const wait = this.lastRedraw + redrawInterval - performance.now();
    if (wait <= 0 || this.unchanged() === this.shown.outputs.length) this.redraw();
    else this.timer ??= setTimeout(() => this.redraw(), wait);
  }

  end(): void {
    this.redraw();
    if (this.lineOpen) this.write("\n");
  }

  /** Somebody else wrote into the window; nothing above is redrawn any more. */
  forget(): void {
    this.redraw();
    this.shown = this.wanted = noOutputs;
    this.lineOpen = false;
  }

  private inReach(event: SessionEvent): SessionEvent {
    if (event.type !== "updateDisplay") return event;
    const known = this.wanted.outputs.some(
      (output) => output.output_type === "display_data" && output.displayId === event.displayId,
    );
    return known ? event : { ...event, type: "display" };
  }

  /** How many of the shown outputs stay as they are. */
  private unchanged(): number {
    const [before, after] = [this.shown.outputs, this.wanted.outputs];
    let same = 0;
    while (same < before.length && before[same] === after[same]) same++;
    // Two streams may share a line; they are redrawn together.
    while (same > 0 && same < before.length && isStream(before[same]) && isStream(before[same - 1])) same--;
    return same;
  }

  private redraw(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { outputs } = this.shown;
    const same = this.unchanged();
    let back = "";
    if (same < outputs.length) {
      const rows = rowsBelow(joined(outputs.slice(same), false), this.terminal.columns);
      back = `${rows > 0 ? `\u001b[${rows}A` : ""}\r\u001b[J`;
      this.lineOpen = false;
      this.lastRedraw = performance.now();
    }
    this.write(back + joined(this.wanted.outputs.slice(same), this.lineOpen));
    this.remember();
  }

  private write(text: string): void {
    if (text === "") return;
    this.terminal.write(text);
    this.lineOpen = !/[\n\r]$|\[J$/.test(text);
  }

  /** Takes `wanted` as shown, without what may have left the window. */
  private remember(): void {
    this.shown = this.wanted = lastRows(this.wanted, this.terminal.rows - 1, this.terminal.columns);
  }
}

function isStream(output: LiveOutput): boolean {
  return output.output_type === "stream";
}

/** The texts of outputs, each but a stream on lines of its own; `lineOpen`: text stands before them. */
function joined(outputs: readonly LiveOutput[], lineOpen: boolean): string {
  let text = "";
  for (const output of outputs) {
    const open = text === "" ? lineOpen : !text.endsWith("\n");
    if (open && !isStream(output)) text += "\n";
    text += outputText(output);
  }
  return text;
}

/** The outputs without those that reach above the last `rows` rows; long streams keep only their last lines. */
function lastRows(cell: CellOutputs, rows: number, columns: number): CellOutputs {
  const kept: LiveOutput[] = [];
  let used = 0;
  for (const output of cell.outputs.toReversed()) {
    const short =
      output.output_type === "stream" ? { ...output, lines: lastLines(output.lines, rows) } : output;
    used += rowsBelow(outputText(short), columns) + 1;
    if (used > rows) break;
    kept.unshift(short);
  }
  return { ...cell, outputs: kept };
}

function lastLines(text: string, count: number): string {
  let start = text.length;
  for (let line = 0; line <= count && start > 1; line++) start = text.lastIndexOf("\n", start - 2) + 1;
  return text.slice(start);
}
