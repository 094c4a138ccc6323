import { MagicError } from "../magic.js";
import { runProgram } from "./childProcess.js";
import type { MagicPlace } from "./place.js";

/** Runs a script. Its line numbers are those of the cell. */
export async function bash({ script }: { script: string }, place: MagicPlace): Promise<void> {
  const { code, signal } = await runProgram("bash", ["-c", script], place).catch((fault: Error) => {
    throw new MagicError(`bash cannot be started: ${fault.message}.`);
  });
  if (signal) throw new MagicError(`The script was ended by ${signal}.`);
  if (code !== 0) throw new MagicError(`The script ended with exit code ${code}.`);
}
