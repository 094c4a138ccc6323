import type { SessionEvent } from "../session/events.js";
import { rewritesLine, settleLine, trailingMoves } from "./carriage.js";
import type { DisplayOutput, ErrorOutput, Output, ResultOutput } from "./format.js";

/**
 * The outputs of one cell while it runs. Immutable: {@link applyEvent} makes the next one. What a front end would
 * show is what is stored: streams are joined, lines written over themselves keep their last text, cleared outputs
 * are gone and updated displays hold their last content.
 */
export interface CellOutputs {
  readonly outputs: readonly LiveOutput[];
  /** `clearOutput` with `wait` came: the next output replaces all. */
  readonly clearNext: boolean;
}

/** An output with what the file does not store: the display's id, and where a stream's unfinished line starts. */
export type LiveOutput =
  | LiveStream
  | (DisplayOutput & { readonly displayId?: string })
  | ResultOutput
  | ErrorOutput;

interface LiveStream {
  readonly output_type: "stream";
  readonly name: "stdout" | "stderr";
  /** The finished lines, each with its line break. Only ever appended to, so that long outputs stay cheap. */
  readonly lines: string;
  /** The unfinished last line, settled; ends with `\r` or `\b`s when the cursor is inside it. */
  readonly lastLine: string;
  /** Whether `lastLine` has to be settled again when text is appended. */
  readonly cursorInside: boolean;
}

export const noOutputs: CellOutputs = { outputs: [], clearNext: false };

/**
 * The outputs after an event of the same cell. `updateDisplay` changes only displays in this cell; see
 * {@link applyToNotebook} for all cells. Like every Jupyter client: an update of an unknown display is ignored, and
 * an update is no "next output" for a waiting clear.
 */
export function applyEvent(cell: CellOutputs, event: SessionEvent): CellOutputs {
  switch (event.type) {
    case "clearOutput":
      return event.wait ? { ...cell, clearNext: true } : noOutputs;
    case "updateDisplay":
      return updateDisplays(cell, event);
    case "comm":
      return cell;
    case "stream": {
      if (event.text === "") return cell;
      const outputs = cell.clearNext ? [] : cell.outputs;
      const last = outputs.at(-1);
      const joins = last?.output_type === "stream" && last.name === event.name;
      const stream = appendText(joins ? last : emptyStream(event.name), event.text);
      return { outputs: [...(joins ? outputs.slice(0, -1) : outputs), stream], clearNext: false };
    }
    default: {
      const outputs = cell.clearNext ? [] : cell.outputs;
      return { outputs: [...outputs, newOutput(event)], clearNext: false };
    }
  }
}

/** Outputs by cell id, after an event of cell `cellId`; a display update reaches the displays of every cell. */
export function applyToNotebook(
  cells: ReadonlyMap<string, CellOutputs>,
  cellId: string,
  event: SessionEvent,
): ReadonlyMap<string, CellOutputs> {
  if (event.type !== "updateDisplay") {
    return new Map(cells).set(cellId, applyEvent(cells.get(cellId) ?? noOutputs, event));
  }
  return new Map([...cells].map(([id, cell]) => [id, updateDisplays(cell, event)]));
}

/** The outputs as nbformat stores them. */
export function storedOutputs(cell: CellOutputs): Output[] {
  return cell.outputs.map((output) => {
    if (output.output_type === "stream") {
      return { output_type: "stream", name: output.name, text: output.lines + output.lastLine };
    }
    if (output.output_type === "display_data") {
      const { displayId: _, ...stored } = output;
      return stored;
    }
    return output;
  });
}

function updateDisplays(
  cell: CellOutputs,
  update: Extract<SessionEvent, { type: "updateDisplay" }>,
): CellOutputs {
  const shows = (output: LiveOutput): boolean =>
    output.output_type === "display_data" && output.displayId === update.displayId;
  if (!cell.outputs.some(shows)) return cell;
  const { data, metadata } = update;
  return {
    ...cell,
    outputs: cell.outputs.map(
      (output) => (shows(output) ? { ...output, data, metadata } : output) as LiveOutput,
    ),
  };
}

function newOutput(event: Extract<SessionEvent, { type: "display" | "result" | "error" }>): LiveOutput {
  switch (event.type) {
    case "display": {
      const { data, metadata, displayId } = event;
      const display: DisplayOutput = { output_type: "display_data", data, metadata };
      return displayId === undefined ? display : { ...display, displayId };
    }
    case "result": {
      const { data, metadata, executionCount } = event;
      return { output_type: "execute_result", data, metadata, execution_count: executionCount };
    }
    case "error": {
      const { name, message, traceback } = event.error;
      return { output_type: "error", ename: name, evalue: message, traceback };
    }
  }
}

function emptyStream(name: "stdout" | "stderr"): LiveStream {
  return { output_type: "stream", name, lines: "", lastLine: "", cursorInside: false };
}

function appendText(stream: LiveStream, text: string): LiveStream {
  const parts = text.split("\n");
  const rest = parts.pop() ?? "";
  let { lines, lastLine, cursorInside } = stream;
  for (const part of parts) {
    // "\r\n" is a line break, not a way back; a line that is finished needs no cursor any more.
    const settled = append(lastLine, part, cursorInside).replace(trailingMoves, "");
    lines += `${settled}\n`;
    lastLine = "";
    cursorInside = false;
  }
  if (rest !== "") {
    lastLine = append(lastLine, rest, cursorInside);
    cursorInside ||= rewritesLine(rest);
  }
  return { ...stream, lines, lastLine, cursorInside };
}

function append(line: string, text: string, cursorInside: boolean): string {
  return cursorInside || rewritesLine(text) ? settleLine(line + text) : line + text;
}
