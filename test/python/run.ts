import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");
const python = join(root, ".moelab/python/bin/python");

/** Runs a script in the private Python, which has PyTorch and NumPy; its directory modules can be imported. */
export function runPython(script: string, ...args: string[]): string {
  if (!existsSync(python)) throw new Error(`${python} is missing: run npm run setup`);
  const { status, stdout, stderr, error } = spawnSync(python, [script, ...args], {
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: import.meta.dirname, PYTHONDONTWRITEBYTECODE: "1" },
    maxBuffer: 2 ** 28,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`Python ended with ${status}\n${stderr}\n${stdout}`);
  return stdout;
}

/** Runs source text. */
export function evaluatePython(source: string, ...args: string[]): string {
  return runPython("-c", source, ...args);
}
