import { findSourceMap, register } from "node:module";

/**
 * Lets this process import TypeScript files. Importing this file is enough; it is imported after whatever else sets
 * `Error.prepareStackTrace`, because frames of imported files get their TypeScript lines here.
 */

register("./typescriptHooks.js", import.meta.url);
process.setSourceMapsEnabled(true);

const place = /(file:\/\/[^\s()]+\.[cm]?ts):(\d+):(\d+)/g;
const prepare = Error.prepareStackTrace ?? ((error, frames) => [String(error), ...frames].join("\n    at "));

Error.prepareStackTrace = (error, frames) => {
  const stack: unknown = prepare(error, frames);
  return typeof stack === "string" ? stack.replace(place, typescriptPlace) : stack;
};

function typescriptPlace(written: string, url: string, line: string, column: string): string {
  const entry = findSourceMap(url)?.findEntry(Number(line) - 1, Number(column) - 1);
  if (!entry || !("originalLine" in entry)) return written;
  return `${url}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}
