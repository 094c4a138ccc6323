import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../bundle/bundle.js";
import { makeBundles } from "../../bundle/makeBundles.js";
import { installationFolder } from "../../installation.js";
import { forkName } from "../typescriptForTslab.js";
import {
  type ImageKind,
  imageEnvironment,
  imageFiles,
  imageFolder,
  imageOptions,
  imagePrefix,
} from "./imageFile.js";

/**
 * The program that makes what processes start from: the images of compilers, the bundles of all else:
 * `buildImage.js [background]`. In the background it takes what processor time others leave, and ends when its standard input does.
 */

/** A maker that is older than this has died, in milliseconds. */
const longestMaking = 120_000;

/** An image that was made so long ago is made again by whoever still wants it, in milliseconds. */
const longestUse = 60 * 24 * 3600_000;

const background = process.argv[2] === "background";
const kinds: ImageKind[] = ["whole", "lean"];
const script = `${imageFiles.whole}.js`;

function unfinished(kind: ImageKind): string {
  return `${imageFiles[kind]}.new`;
}

/** Whether nobody else makes the same images now. */
function claim(): boolean {
  const age = Date.now() - (statSync(script, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  if (age > longestMaking) rmSync(script, { force: true });
  try {
    writeFileSync(script, "", { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}

/** Images for a Node that is no longer used, and what was left half made. */
function removeOld(): void {
  for (const name of readdirSync(imageFolder)) {
    const file = path.join(imageFolder, name);
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (name.startsWith(imagePrefix) && age > longestUse) rmSync(file, { force: true });
  }
}

/** The bundle of the program that is run to make an image. */
function imageScript(): string {
  const program = fileURLToPath(new URL("./imageProgram.js", import.meta.url));
  const text = bundle(program, { leftOut: [forkName], includes: () => true });
  return `const bundle = ${text};
globalThis[Symbol.for("moelab.codeFiles")] = bundle.files;
bundle.run(require);`;
}

function make(kind: ImageKind): Promise<void> {
  const maker = spawn(
    process.execPath,
    [...imageOptions, "--snapshot-blob", unfinished(kind), "--build-snapshot", script, kind],
    {
      cwd: installationFolder,
      env: imageEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  process.once("exit", () => maker.kill("SIGKILL"));
  let errors = "";
  maker.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    maker.once("error", reject);
    maker.once("close", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`The compiler's image could not be made (${signal ?? `exit code ${code}`}):\n${errors}`),
        );
    });
  });
}

if (background) {
  setPriority(19);
  process.stdin.on("end", () => process.exit(1)).on("error", () => process.exit(1));
  process.stdin.resume();
}
mkdirSync(imageFolder, { recursive: true });
if (claim()) {
  process.once("exit", () => {
    rmSync(script, { force: true });
    for (const kind of kinds) rmSync(unfinished(kind), { force: true });
  });
  writeFileSync(script, imageScript());
  await Promise.all(kinds.map(make));
  for (const kind of kinds) renameSync(unfinished(kind), imageFiles[kind]);
  removeOld();
  // Lies with the code, which not everybody may write to.
  makeBundles();
}
process.exit(0);
