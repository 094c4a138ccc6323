// Where the set-up reads and writes. Everything it makes lies under the project, nothing in the home folder.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const state = join(root, ".moelab");
export const stamps = join(state, "stamps");
export const logs = join(state, "logs");
export const environment = join(state, "python");
export const python = join(environment, "bin", "python");
export const native = join(root, "native");
export const addon = join(native, "build", "Release", "moelab.node");
export const cli = join(root, "dist", "kernel", "cli.js");
export const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

/** The absolute path of a program on PATH, or undefined. */
export function onPath(program, path = process.env.PATH ?? "") {
  for (const folder of path.split(":")) {
    if (folder && existsSync(join(folder, program))) return join(folder, program);
  }
  return undefined;
}
