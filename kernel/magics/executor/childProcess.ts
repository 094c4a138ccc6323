import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { MagicPlace } from "./place.js";
import { signalTree } from "./processTree.js";

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Time for an interrupted program to end by itself, in milliseconds. */
const interruptTime = 1000;
/** A program's pipes may be held by what it left in the background; they are not waited for longer than this. */
const drainTime = 200;

/**
 * Runs a program to its end, its output being the cell's. An interrupt of the cell interrupts it and all that it
 * started, and kills what does not stop.
 *
 * @throws NodeJS.ErrnoException when it cannot be started
 */
export function runProgram(
  command: string,
  args: string[],
  place: MagicPlace,
  settings: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ending> {
  const write = place.writer();
  const child = spawn(command, args, { ...settings, stdio: ["ignore", "pipe", "pipe"] });
  const pass = (name: "stdout" | "stderr", stream: Readable) =>
    stream.setEncoding("utf8").on("data", (text: string) => write(name, text));
  pass("stdout", child.stdout);
  pass("stderr", child.stderr);

  let killing: NodeJS.Timeout | undefined;
  const stop = () => {
    signalTree(child.pid!, "SIGINT");
    killing = setTimeout(() => signalTree(child.pid!, "SIGKILL"), interruptTime);
  };
  const { signal } = place;
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return new Promise<Ending>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, by) => resolve({ code, signal: by }));
    child.on("exit", (code, by) => setTimeout(() => resolve({ code, signal: by }), drainTime));
  }).finally(() => {
    clearTimeout(killing);
    signal.removeEventListener("abort", stop);
  });
}
