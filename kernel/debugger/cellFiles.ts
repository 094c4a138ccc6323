import { tmpdir } from "node:os";
import path from "node:path";
import { murmur2 } from "../murmur2.js";

/**
 * The files that clients of Jupyter imagine cells to be: named by a hash of the code, so that client and kernel find the
 * same name each by itself. Nothing is ever written there.
 */
export class CellFiles {
  static readonly hashMethod = "Murmur2";
  static readonly hashSeed = 0x6d6f65;
  static readonly suffix = ".ts";
  /** JupyterLab shows "Cell [3]" in place of the path only if that contains `ipykernel_`. */
  static readonly prefix = path.join(tmpdir(), `moelab-ipykernel_${process.pid}`) + path.sep;

  readonly #codes = new Map<string, string>();

  pathOf(code: string): string {
    return `${CellFiles.prefix}${murmur2(code, CellFiles.hashSeed)}${CellFiles.suffix}`;
  }

  /** Remembers a cell, whether it runs or not. */
  add(code: string): string {
    const file = this.pathOf(code);
    this.#codes.set(file, code);
    return file;
  }

  codeOf(file: string): string | undefined {
    return this.#codes.get(file);
  }
}
