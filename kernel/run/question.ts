import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { ExecuteRequest } from "../session/events.js";

/**
 * Answers a cell's `input()` from the keyboard; undefined when nobody sits there.
 *
 * @param asked called after each answer, because the question and what was typed are in the window now
 */
export function keyboardInput(asked: () => void): ExecuteRequest["input"] {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return undefined;
  return async (prompt, password) => {
    // The line editor redraws its line as the user types: it has to know what stands before, and for a password it
    // writes nowhere.
    const lineStart = password ? prompt.length : prompt.lastIndexOf("\n") + 1;
    const output = password ? new Writable({ write: (_chunk, _encoding, done) => done() }) : stdout;
    const editor = createInterface({ input: stdin, output, terminal: true });
    // Only now is the terminal's own echo off.
    stdout.write(prompt.slice(0, lineStart));
    // The editor takes Ctrl+C for itself; it is to stop the run as everywhere else.
    editor.on("SIGINT", () => {
      editor.close();
      process.kill(process.pid, "SIGINT");
    });
    try {
      return await new Promise<string | null>((resolve) => {
        editor.question(prompt.slice(lineStart)).then(resolve, () => resolve(null));
        editor.on("close", () => resolve(null));
      });
    } finally {
      editor.close();
      if (password) stdout.write("\n");
      asked();
    }
  };
}
