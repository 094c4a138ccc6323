import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of moelab's package.json; this file runs from `kernel/` in tests and from `dist/kernel/` otherwise. */
export const installationFolder = folderAbove(dirname(fileURLToPath(import.meta.url)));

export function moelabVersion(): string {
  return packageIn(installationFolder).version;
}

function folderAbove(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json")) && packageIn(folder).name === "moelab") return folder;
    if (folder === dirname(folder))
      throw new Error(
        `moelab: expected its package.json in a folder above ${start}, found none. Install it again.`,
      );
  }
}

function packageIn(folder: string): { name: string; version: string } {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
