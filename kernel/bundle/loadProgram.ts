import { existsSync, readFileSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { bundleFile, type ProgramName, programs } from "./programs.js";
import { anyChanged, type StampedFile } from "./stamp.js";

/** What the script of a bundle gives. */
export interface Bundle {
  /** The program's file: a bundle that was copied elsewhere is not that place's. */
  program: string;
  /** Files that it was made of. */
  files: StampedFile[];
  /**
   * Runs the program's module. `require` is for Node's own modules, and files that are not in the bundle; `node` is
   * `node:module`, where there is one.
   */
  run(require: NodeJS.Require, node?: object): unknown;
}

/**
 * The exports of a program, from its bundle if there is one of today, else from its files, of which there are about a
 * hundred.
 *
 * @param given modules that no bundle contains
 */
export async function loadProgram<Exports>(
  name: ProgramName,
  given: Record<string, object> = {},
): Promise<Exports> {
  const bundle = readBundle(name)?.runInThisContext() as Bundle | undefined;
  const module = urlOf(programs[name]);
  const isOurs = bundle?.program === fileURLToPath(module);
  if (!bundle || !isOurs || anyChanged(bundle.files)) return await import(module);
  const require = createRequire(import.meta.url);
  const modules = new Map(Object.entries(given).map(([module, its]) => [fileURLToPath(urlOf(module)), its]));
  const load = (specifier: string) => modules.get(specifier) ?? require(specifier);
  return bundle.run(Object.assign(load, require), nodeModule) as Exports;
}

function urlOf(module: string): string {
  return new URL(`../${module}`, import.meta.url).href;
}

/** A bundle's file: the length of its script as a decimal number of this length, the script, its compiled code. */
export const lengthDigits = 10;

/** The script of a bundle; undefined where there is none. */
export function readBundle(name: ProgramName): Script | undefined {
  const file = bundleFile(name);
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  const end = lengthDigits + Number(bytes.toString("latin1", 0, lengthDigits));
  // No bundle has characters of more than one byte.
  const script = bytes.toString("latin1", lengthDigits, end);
  return new Script(script, { filename: file, cachedData: bytes.subarray(end) });
}
