import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { installationFolder } from "../installation.js";
import { ask } from "./ask.js";
import { type Finding, off, ok, problem } from "./finding.js";

/** What the engine said of itself, in a process of its own. */
export interface Engine {
  libtorch: string;
  compiler: string;
  cuda: boolean;
  threads: number;
  /** The libtorch that the loader really took. */
  library?: string;
}

/** Loads the addon where a crash ends nothing else, and reads from the memory map which libtorch came with it. */
const load = `
  const engine = require(process.argv[1]);
  const maps = (() => { try { return require("fs").readFileSync("/proc/self/maps", "utf8"); } catch { return ""; } })();
  const library = maps.match(/\\S*libtorch_cpu\\.so\\S*/)?.[0];
  console.log(JSON.stringify({ ...engine.system(), library }));`;

/** "2.13.0+cpu": what the libtorch folder says it is, which its headers do not. */
function buildOf(library: string | undefined, version: string): string {
  if (!library) return version;
  const folder = dirname(dirname(library));
  const python = join(folder, "version.py");
  const plain = join(folder, "build-version");
  if (existsSync(python))
    return readFileSync(python, "utf8").match(/__version__ = '([^']+)'/)?.[1] ?? version;
  return existsSync(plain) ? readFileSync(plain, "utf8").trim() : version;
}

function why(errors: string, signal: NodeJS.Signals | null): string {
  const line = errors.match(/^\w*Error: (.*)$/m)?.[1] ?? errors.trim().split("\n").at(-1);
  if (signal) return `its process ended with ${signal}${line ? ` (${line})` : ""}`;
  return line || "its process ended without a word";
}

export async function findEngine(): Promise<{ findings: Finding[]; engine?: Engine; build: string }> {
  const path = join(installationFolder, "native", "build", "Release", "moelab.node");
  if (!existsSync(path)) {
    const missing = problem("engine", `it is not built (expected ${path})`, "run `npm run setup`");
    return { findings: [missing], build: "unknown" };
  }
  const answer = await ask(process.execPath, ["-e", load, path], { seconds: 60 });
  if (!answer.well) {
    const reason = `it does not load: ${why(answer.errors, answer.signal)}`;
    const fix = "run `npm run setup`; should that not help, delete native/build and .moelab and run it again";
    return { findings: [problem("engine", reason, fix)], build: "unknown" };
  }
  const engine: Engine = JSON.parse(answer.output);
  const build = buildOf(engine.library, engine.libtorch);
  const where = engine.library ? ` in ${dirname(dirname(engine.library))}` : "";
  const findings = [
    ok("engine", `loads; compiled by ${engine.compiler}, ${engine.threads} threads`),
    ok("libtorch", `${build}${where}`),
  ];
  if (!build.startsWith(engine.libtorch)) {
    const reason = `the engine was compiled for ${engine.libtorch}, but ${build} is loaded`;
    findings.push(off("libtorch match", reason, "run `npm run setup`"));
  }
  return { findings, engine, build };
}
