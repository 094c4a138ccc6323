import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { MagicError } from "../magic.js";
import { runProgram } from "./childProcess.js";
import type { MagicPlace } from "./place.js";

/** Without a terminal npm's progress is noise; funding and audits are nothing that a cell asked for. */
const quiet = ["--no-fund", "--no-audit", "--no-update-notifier", "--progress=false"];

/** Runs npm in the folder of the nearest package.json, or else in the working directory. */
export async function npm({ args }: { args: string[] }, place: MagicPlace): Promise<void> {
  const folder = nearestPackage(process.cwd()) ?? process.cwd();
  const [program, ...first] = npmProgram();
  const { code, signal } = await runProgram(
    program,
    [...first, ...args, ...quiet, "--prefix", folder],
    place,
    {
      cwd: folder,
    },
  ).catch((fault: Error) => {
    throw new MagicError(`npm cannot be started: ${fault.message}. Is it installed beside Node?`);
  });
  if (signal) throw new MagicError(`npm was ended by ${signal}.`);
  if (code !== 0) throw new MagicError(`npm ${args.join(" ")} failed with exit code ${code}, in ${folder}.`);
}

function nearestPackage(from: string): string | undefined {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "package.json"))) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** The npm that came with this Node, or the one on the path. */
function npmProgram(): string[] {
  const folder = path.dirname(process.execPath);
  const own = path.join(folder, "..", "lib", "node_modules", "npm", "bin", "npm-cli.js");
  return existsSync(own) ? [process.execPath, own] : ["npm"];
}
