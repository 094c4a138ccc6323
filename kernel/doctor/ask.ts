import { execFile } from "node:child_process";

export interface Answer {
  /** The program ran and ended with exit code 0. */
  well: boolean;
  /** There is no such program. */
  missing: boolean;
  signal: NodeJS.Signals | null;
  output: string;
  errors: string;
}

/** Runs a program that answers a question. Never throws: what does not answer is a finding. */
export function ask(program: string, args: string[], { seconds = 20 } = {}): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: seconds * 1000, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({
        well: error === null,
        missing: (error as NodeJS.ErrnoException | null)?.code === "ENOENT",
        signal: (error as { signal?: NodeJS.Signals } | null)?.signal ?? null,
        output: stdout.trim(),
        errors: stderr.trim(),
      });
    });
  });
}

/** The first version number in a program's answer. */
export function versionIn(text: string): string {
  return text.match(/\d+(\.\d+)+[\w.+-]*/)?.[0] ?? text.split("\n")[0];
}
