import { renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { bundle } from "./bundle.js";
import { lengthDigits } from "./loadProgram.js";
import { asTheyAre, bundleFile, type ProgramName, programs } from "./programs.js";

/** Packages of which every start needs all. */
const included = new Set(["zeromq", "cmake-ts"]);

/** Writes the bundles of all programs; one that is read meanwhile is the old one or the new one. */
export function makeBundles(): void {
  for (const name of Object.keys(programs) as ProgramName[]) {
    const script = bundle(fileOf(programs[name]), {
      leftOut: asTheyAre.map(fileOf),
      includes: (packageName) => included.has(packageName),
    });
    const file = bundleFile(name);
    const unfinished = `${file}.${process.pid}`;
    const length = String(script.length).padStart(lengthDigits);
    writeFileSync(
      unfinished,
      Buffer.concat([Buffer.from(length + script, "latin1"), compiled(script, file)]),
    );
    renameSync(unfinished, file);
  }
}

/** The code of all functions, not only of those that have run. */
function compiled(script: string, filename: string): Buffer {
  setFlagsFromString("--no-lazy");
  const compiledScript = new Script(script, { filename });
  // V8 refuses what was made under other flags than those of the process that reads it.
  setFlagsFromString("--lazy");
  return compiledScript.createCachedData();
}

function fileOf(module: string): string {
  return fileURLToPath(new URL(`../${module}`, import.meta.url));
}
