import { statSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

/** This file lies in `dist/kernel/executor`. */
const installation = new URL("../../", import.meta.url).href;

/** The API of the installation that this executor belongs to: what `moelab` means, wherever it is imported. */
export const moelabUrl = new URL("src/index.js", installation).href;

/** What may stand in a file for which an import names no extension, or the one it has after compilation. */
const candidates: [RegExp, string[]][] = [
  [/\.js$/, [".ts", ".tsx"]],
  [/\.mjs$/, [".mts"]],
  [/\.cjs$/, [".cts"]],
  [/\/?$/, [".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", "/index.ts", "/index.js"]],
];

export const typescriptFile = /\.[mc]?tsx?$/;

/** Whether an import names a file, not a package. */
export function namesFile(specifier: string): boolean {
  return /^(\.{0,2}\/|\.{1,2}$|file:)/.test(specifier);
}

/** Whether the URL belongs to the user: neither an installed package nor moelab itself. */
export function isLocal(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/") && !url.startsWith(installation);
}

/** When the file was last written, in milliseconds; undefined when there is none. */
export function modifiedAt(file: string): number | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats?.isFile() ? stats.mtimeMs : undefined;
}

/** The URL of the file that a URL means as the checker reads it, query kept; undefined when there is none. */
export function localFile(given: string): string | undefined {
  const url = new URL(given);
  if (url.protocol !== "file:") return undefined;
  const file = fileURLToPath(url);
  if (modifiedAt(file) !== undefined) return url.href;
  for (const [ending, replacements] of candidates) {
    if (!ending.test(file)) continue;
    for (const replacement of replacements) {
      const candidate = file.replace(ending, replacement);
      if (modifiedAt(candidate) !== undefined) return pathToFileURL(candidate).href + url.search;
    }
  }
  return undefined;
}
