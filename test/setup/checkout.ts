// A fresh checkout in a temporary folder, with the real set-up programs in it, and machines that lack something.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { onPath } from "../../setup/places.mjs";

export const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "moelab-setup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Only what the set-up itself reads; `installed` lends it the npm packages that are here already. */
export function freshCheckout({ installed = false } = {}): string {
  const folder = temporaryFolder();
  for (const name of ["setup", "package.json", "package-lock.json", "tsconfig.json"]) {
    cpSync(join(project, name), join(folder, name), { recursive: true });
  }
  if (installed) symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  return folder;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  milliseconds: number;
}

/** Runs Node in `folder`; `env` is laid over a machine without settings for CI, pip or libtorch of the tester's own. */
export function node(folder: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const { CI: _, LIBTORCH: __, CXX: ___, ...machine } = process.env;
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...machine, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code, signal) =>
      resolve({ code, signal, stdout, stderr, milliseconds: performance.now() - started }),
    ),
  );
  return { child, ended };
}

export function setUp(folder: string, env: NodeJS.ProcessEnv = {}, purpose = "run"): Promise<Ended> {
  return node(folder, ["setup/setup.mjs", "--for", purpose], env).ended;
}

const everything = ["npm", "python3", "c++", "g++", "cmake", "make", "ninja", "git", "sh"];

/** The shell's words for the real program; it may itself be a script that looks for others on PATH. */
export function real(name: string): string {
  return `PATH='${process.env.PATH}' exec '${onPath(name)}'`;
}

/** A PATH on which the programs of `without` are not found, and those of `instead` are scripts of the test's own. */
export function machine({
  without = [],
  instead = {},
}: {
  without?: string[];
  instead?: Record<string, string>;
}): { PATH: string } {
  const folder = join(temporaryFolder(), "bin");
  mkdirSync(folder);
  const script = (name: string, text: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  for (const name of everything) {
    if (onPath(name) && !without.includes(name)) script(name, `${real(name)} "$@"`);
  }
  script("node", `exec '${process.execPath}' "$@"`);
  for (const [name, text] of Object.entries(instead)) script(name, text);
  return { PATH: folder };
}
