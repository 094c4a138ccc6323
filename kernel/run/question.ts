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
    stdout.write(prompt);
    // What is typed is echoed by the line editor, so a password's editor writes nowhere.
    const output = password ? new Writable({ write: (_chunk, _encoding, done) => done() }) : stdout;
    const editor = createInterface({ input: stdin, output, terminal: true });
    // The editor takes Ctrl+C for itself; it is to stop the run as everywhere else.
    editor.on("SIGINT", () => {
      editor.close();
      process.kill(process.pid, "SIGINT");
    });
    try {
      return await new Promise<string | null>((resolve) => {
        editor.question("").then(resolve, () => resolve(null));
        editor.on("close", () => resolve(null));
      });
    } finally {
      editor.close();
      if (password) stdout.write("\n");
      asked();
    }
  };
}
