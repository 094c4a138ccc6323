import { homedir } from "node:os";
import process from "node:process";
import { MagicError } from "../magic.js";
import type { MagicPlace } from "./place.js";

/** Changes the working directory, and where cells import from; empty stands for where the session started. */
export function directory({ directory: given }: { directory: string }, place: MagicPlace): string {
  const target = given === "" ? place.home : given.replace(/^~(?=\/|$)/, homedir());
  try {
    process.chdir(target);
  } catch (fault) {
    const reason = reasons[(fault as NodeJS.ErrnoException).code ?? ""] ?? (fault as Error).message;
    throw new MagicError(`%cd: ${given} ${reason}; this is ${process.cwd()}.`);
  }
  place.importFrom(process.cwd());
  return process.cwd();
}

const reasons: Record<string, string> = {
  ENOENT: "does not exist",
  ENOTDIR: "is not a directory",
  EACCES: "may not be entered",
};
