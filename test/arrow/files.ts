import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { runPython } from "../python/run.js";

/** Runs a Python program of this folder; what it prints is read as JSON. */
export function python(program: string, ...args: string[]): any {
  const printed = runPython(join(import.meta.dirname, program), ...args);
  return printed.trim() ? JSON.parse(printed) : undefined;
}

/** A folder that goes with the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "moelab-arrow-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
