import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

export interface ProcessEntry {
  pid: number;
  parent: number;
  /** The process group, which a terminal's Ctrl-C reaches as a whole. */
  group: number;
}

/** All processes of the machine that this one can see. */
export async function processTable(): Promise<ProcessEntry[]> {
  return process.platform === "linux" ? fromProc() : await fromPs();
}

function fromProc(): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!(pid > 0)) continue;
    const stat = read(`/proc/${name}/stat`);
    // The command's name stands in parentheses and may hold any of them.
    const [, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (group !== undefined) entries.push({ pid, parent: Number(parent), group: Number(group) });
  }
  return entries;
}

async function fromPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axo", "pid=,ppid=,pgid="]);
  return stdout.split("\n").flatMap((line) => {
    const [pid, parent, group] = line.trim().split(/\s+/).map(Number);
    return group > 0 ? [{ pid, parent, group }] : [];
  });
}

/** Whether a process ignores the signal of this number; false where that cannot be known. */
export function ignoresSignal(pid: number, signal: number): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & (1n << BigInt(signal - 1))) !== 0n;
}

/** Empty for a process that is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
