import { join } from "node:path";
import { ask } from "./doctor/ask.js";
import { findEngine } from "./doctor/engine.js";
import { type Finding, off, ok } from "./doctor/finding.js";
import { gpu } from "./doctor/gpu.js";
import { jupyter } from "./doctor/jupyter.js";
import { machine } from "./doctor/machine.js";
import { versions } from "./doctor/versions.js";
import { installationFolder } from "./installation.js";
import { UsageError } from "./usage.js";

const usage = `Usage: moelab doctor [--json]

Says what moelab finds on this machine, what is off, why, and what to do about it.

Options:
  --json    one JSON object: { ok, findings: [{ name, status: "ok" | "off" | "problem", value, reason?, fix? }] }

Exit code 1 when something prevents running.
`;

/** Whether the sources changed since what was built from them. */
async function freshness(): Promise<Finding> {
  const answer = await ask(process.execPath, [join(installationFolder, "setup", "setup.mjs"), "--check"]);
  if (answer.well) return ok("set-up", "up to date");
  const steps = [...answer.errors.matchAll(/to be run\s+(.+)/g)].map((match) => match[1].trim());
  return off("set-up", `out of date: ${steps.join(", ") || answer.errors}`, "run `npm run setup`");
}

/** Everything the doctor looks at, in the order it is shown. */
async function examine(): Promise<Finding[]> {
  const engineAndGpu = findEngine().then(async ({ findings, engine, build }) => [
    ...findings,
    ...(await gpu(engine, build)),
  ]);
  const parts = await Promise.all([...versions(), engineAndGpu, machine(), jupyter(), freshness()]);
  return parts.flat();
}

const marks = { ok: "✓", off: "–", problem: "✗" };

function text(findings: Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const indent = " ".repeat(width + 6);
  const lines = findings.map(({ name, status, value, reason, fix }) => {
    const state =
      status === "ok" ? value : [`${status}: ${reason}`, value && `(${value})`].filter(Boolean).join(" ");
    return `  ${marks[status]} ${name.padEnd(width)}  ${state}${fix ? `\n${indent}fix: ${fix}` : ""}`;
  });
  const problems = findings.filter(({ status }) => status === "problem").length;
  const verdict =
    problems === 0
      ? "Everything that running needs is there."
      : `${problems} problem${problems === 1 ? " prevents" : "s prevent"} running.`;
  return `${lines.join("\n")}\n\n${verdict}\n`;
}

/** `moelab doctor`. Resolves to the exit code. */
export async function doctor(args: string[]): Promise<number> {
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    process.stdout.write(usage);
    return 0;
  }
  const unknown = args.find((arg) => arg !== "--json");
  if (unknown !== undefined)
    throw new UsageError(`moelab doctor: expected --json or nothing, got ${unknown}.`);
  const findings = await examine();
  const well = findings.every(({ status }) => status !== "problem");
  process.stdout.write(
    args.includes("--json") ? `${JSON.stringify({ ok: well, findings }, null, 2)}\n` : text(findings),
  );
  return well ? 0 : 1;
}
