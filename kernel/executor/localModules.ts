import { statSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What may stand in a file for which an import names no extension, or the one it has after compilation. */
const candidates: [RegExp, string[]][] = [
  [/\.js$/, [".ts", ".tsx"]],
  [/\.mjs$/, [".mts"]],
  [/\.cjs$/, [".cts"]],
  [/$/, [".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.js"]],
];

export const typescriptFile = /\.[mc]?tsx?$/;

function modifiedAt(file: string): number | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats?.isFile() ? stats.mtimeMs : undefined;
}

/** The file that a URL means as the checker reads it; undefined when there is none. */
export function localFile(url: string): { url: string; modified: number } | undefined {
  if (!url.startsWith("file:")) return undefined;
  const file = fileURLToPath(url);
  const own = modifiedAt(file);
  if (own !== undefined) return { url, modified: own };
  for (const [ending, replacements] of candidates) {
    if (!ending.test(file)) continue;
    for (const replacement of replacements) {
      const candidate = file.replace(ending, replacement);
      const modified = modifiedAt(candidate);
      if (modified !== undefined) return { url: pathToFileURL(candidate).href, modified };
    }
  }
  return undefined;
}
