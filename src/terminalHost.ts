import { readSync, writeSync } from "node:fs";
import { inspect, stripVTControlCharacters } from "node:util";
import {
  type Displayable,
  type DisplayOptions,
  displaySymbol,
  type Host,
  type InputOptions,
  isDisplayData,
  type MimeBundle,
} from "./host.js";

/**
 * The host of a plain script: what is shown goes to standard output as text; an update is printed when the text
 * changed, over the text that it replaces if a terminal still shows that at its end. Ctrl-C aborts the signal once (so that training can stop at a step) and ends the process the second time.
 */
export function createTerminalHost(): Host {
  const abort = new AbortController();
  const shown = new Map<string, string>();
  /** The display at the terminal's end, and how much had been written when it came there. */
  let last: { displayId: string; rows: number; written: number } | undefined;

  const interrupted = () => {
    abort.abort(new DOMException("interrupted", "AbortError"));
    process.removeListener("SIGINT", interrupted); // from here on the default applies
  };

  return {
    kind: "terminal",
    async show(value: unknown, options: DisplayOptions = {}): Promise<void> {
      const method = (value as Partial<Displayable> | null | undefined)?.[displaySymbol];
      if (typeof method !== "function") {
        this.display({ "text/plain": typeof value === "string" ? value : inspect(value) }, options);
        return;
      }
      const shown = await method.call(value);
      if (isDisplayData(shown)) this.display(shown.data, { metadata: shown.metadata, ...options });
      else this.display(shown, options);
    },
    display(data: MimeBundle, options: DisplayOptions = {}): void {
      const text = data["text/plain"];
      if (typeof text !== "string") return;
      if (options.displayId !== undefined) {
        if (shown.get(options.displayId) === text) return;
        shown.set(options.displayId, text);
      }
      const lines = text.endsWith("\n") ? text : `${text}\n`;
      const { displayId, update } = options;
      const over = update && last?.displayId === displayId && last?.written === writtenToTerminal();
      process.stdout.write((over ? `\u001b[${last!.rows}A\r\u001b[J` : "") + lines);
      last = undefined;
      if (displayId === undefined || !process.stdout.isTTY) return;
      const rows = rowsOf(lines);
      // A terminal that does not say how large it is counts as the usual one.
      if (rows < (process.stdout.rows || 24)) last = { displayId, rows, written: writtenToTerminal() };
    },
    clearOutput(): void {},
    input(prompt: string, _options?: InputOptions): string | null {
      return process.stdin.isTTY ? readLine(prompt) : null;
    },
    get signal(): AbortSignal {
      // Listening at the first use only: a script that never asks keeps Node's own handling of Ctrl-C.
      if (process.listenerCount("SIGINT") === 0 && !abort.signal.aborted) process.on("SIGINT", interrupted);
      return abort.signal;
    },
    onTermination(): void {}, // what ends a script ends the process
    comms: null,
    bind: (listener) => listener,
    capture: (_sink, code) => code(), // it is on the terminal already
  };
}

/** Bytes that went through this process's streams; another number tells that something else was printed. */
function writtenToTerminal(): number {
  return process.stdout.bytesWritten + (process.stderr.bytesWritten ?? 0);
}

/** Rows of the terminal that lines take. */
function rowsOf(lines: string): number {
  const columns = process.stdout.columns || 80;
  const widths = stripVTControlCharacters(lines.slice(0, -1))
    .split("\n")
    .map((line) => [...line].length);
  return widths.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);
}

function readLine(prompt: string): string {
  writeSync(1, prompt);
  const bytes: number[] = [];
  const byte = Buffer.alloc(1);
  while (readSync(0, byte, 0, 1, null) === 1 && byte[0] !== 10) bytes.push(byte[0]);
  return Buffer.from(bytes).toString("utf8").replace(/\r$/, "");
}
