import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Session } from "../../../dist/kernel/session/session.js";
import type { CellError } from "../../../kernel/session/events.js";
import { compiled, type Shown, type Snippet, statementsOf } from "./snippet.js";

const cli = path.join(import.meta.dirname, "../../../dist/kernel/cli.js");

/** What divides the outputs of several snippets in one process. */
const mark = (name: string) => `----- ${name}`;

/** Runs each snippet in one session: as one cell, or a cell for each statement. */
export async function inCells(
  folder: string,
  snippets: Snippet[],
  cut: boolean,
): Promise<Map<string, Shown>> {
  const session = await Session.start({ cwd: folder });
  const shown = new Map<string, Shown>();
  for (const snippet of snippets) {
    let stdout = "";
    let error: CellError | undefined;
    for (const code of cut ? statementsOf(snippet.code) : [snippet.code]) {
      const outcome = await session.execute({ code }, (event) => {
        if (event.type === "stream" && event.name === "stdout") stdout += event.text;
      });
      error = outcome.error;
      if (error) break;
    }
    shown.set(snippet.name, { stdout, ...(error && faultOf(error.traceback.join("\n"), /cell-\d+/)) });
  }
  await session.close();
  return shown;
}

/** Runs all snippets that may stand together as one script, and each of the others as a script of its own. */
export async function asScripts(folder: string, snippets: Snippet[]): Promise<Map<string, Shown>> {
  const together = snippets.filter((snippet) => !snippet.alone);
  const shown = new Map<string, Shown>();
  const joined = together
    .map(({ name, code }) => `console.log(${JSON.stringify(mark(name))});\n${code}`)
    .join("\n");
  const all = runScript(folder, "together", joined).then(({ stdout, ...fault }) => {
    if (fault.error) throw new Error(`The joined script failed: ${fault.error}, line ${fault.line}`);
    for (const [name, part] of divided(stdout)) shown.set(name, { stdout: part });
  });
  const one = (async () => {
    for (const { name, code } of snippets.filter((snippet) => snippet.alone)) {
      shown.set(name, await runScript(folder, path.basename(name), code));
    }
  })();
  await Promise.all([all, one]);
  return shown;
}

async function runScript(folder: string, name: string, code: string): Promise<Shown> {
  writeFileSync(path.join(folder, `${name}.ts`), code);
  const { stdout, stderr } = await output([cli, "run", `${name}.ts`], folder);
  return { stdout, ...(stderr.trim() === "" ? {} : faultOf(stderr, new RegExp(`${name}\\.ts`))) };
}

/** Compiles the snippets as `tsc` does and has Node import one after another. */
export async function underNode(folder: string, snippets: Snippet[]): Promise<Map<string, Shown>> {
  const modules = snippets.map(({ name, code }) => {
    const file = `${path.basename(name)}.js`;
    writeFileSync(path.join(folder, file), compiled(path.basename(name), code));
    return { name, file };
  });
  mkdirSync(folder, { recursive: true });
  const program = `
    for (const { name, file } of ${JSON.stringify(modules)}) {
      console.log("----- " + name);
      console.error("----- " + name);
      try {
        await import("./" + file);
      } catch (thrown) {
        console.error(thrown instanceof Error ? thrown.stack : "Thrown: " + JSON.stringify(thrown));
      }
    }`;
  writeFileSync(path.join(folder, "runAll.mjs"), program);
  const { stdout, stderr } = await output(["--enable-source-maps", "runAll.mjs"], folder);
  const faults = divided(stderr);
  const shown = new Map<string, Shown>();
  for (const [name, part] of divided(stdout)) {
    const fault = faults.get(name) ?? "";
    const file = new RegExp(`${path.basename(name)}\\.[jt]s`);
    shown.set(name, { stdout: part, ...(fault.trim() === "" ? {} : faultOf(fault, file)) });
  }
  return shown;
}

/** Head and first place of a traceback that lies in the snippet. */
function faultOf(traceback: string, file: RegExp): Pick<Shown, "error" | "line"> {
  const text = stripVTControlCharacters(traceback);
  const thrown = /^Thrown: .*$/m.exec(text)?.[0].replaceAll('"', "'");
  const error = thrown ?? /^\S*Error\w*: .*$/m.exec(text)?.[0] ?? text;
  const place = new RegExp(`${file.source}:(\\d+)`).exec(text);
  return { error: error.trim(), line: place ? Number(place[1]) : undefined };
}

function divided(output: string): Map<string, string> {
  const parts = output.split(/^----- (.*)\n/m);
  const found = new Map<string, string>();
  for (let at = 1; at < parts.length; at += 2) found.set(parts[at], parts[at + 1]);
  return found;
}

function output(args: string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined };
    const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", () => resolve({ stdout, stderr }));
  });
}
