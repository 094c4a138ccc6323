import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of moelab's package.json; this file runs from `kernel/` in tests and from `dist/kernel/` otherwise. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === "moelab") return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error("moelab: its package.json was not found above its own code");
    folder = parent;
  }
}

/** The private Python environment that the set-up makes. */
export const environment = () => join(projectRoot(), ".moelab", "python");
