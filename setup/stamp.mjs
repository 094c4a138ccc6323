// Whether a step has to run again: the hash of everything it depends on, written down only after it succeeded.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root, stamps } from "./places.mjs";

const skipped = new Set(["node_modules", "build", "dist", "__pycache__"]);

function filesUnder(folder, wanted, found = []) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) filesUnder(path, wanted, found);
    else if (wanted(entry.name)) found.push(path);
  }
  return found;
}

/** The content of files and of whole folders (`wanted` picks file names), and any further facts. */
export function hashOf({ files = [], folders = [], wanted = () => true, facts = [] }) {
  const hash = createHash("sha256");
  const paths = [
    ...files.map((file) => join(root, file)),
    ...folders.flatMap((folder) => filesOrNone(join(root, folder), wanted)),
  ].sort();
  for (const path of paths) {
    hash.update(`${relative(root, path)}\0`);
    hash.update(readFileSync(path));
  }
  hash.update(JSON.stringify(facts));
  return hash.digest("hex");
}

function filesOrNone(folder, wanted) {
  try {
    return filesUnder(folder, wanted);
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

export function isStamped(step, hash) {
  try {
    return readFileSync(join(stamps, step), "utf8") === hash;
  } catch {
    return false;
  }
}

export function stamp(step, hash) {
  mkdirSync(stamps, { recursive: true });
  const path = join(stamps, step);
  writeFileSync(`${path}.new`, hash);
  renameSync(`${path}.new`, path);
}

export function unstamp(step) {
  rmSync(join(stamps, step), { force: true });
}
