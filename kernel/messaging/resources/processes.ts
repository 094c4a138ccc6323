import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { platform } from "node:os";
import { promisify } from "node:util";

export interface ProcessUse {
  pid: number;
  parent: number;
  /** Processor time since its start, in seconds. */
  cpu: number;
}

/** Linux counts processor time in ticks; their number in a second has been the same on all its platforms. */
const ticksPerSecond = 100;

/** A process and all that descend from it. */
export async function processTree(root: number): Promise<ProcessUse[]> {
  const all = platform() === "linux" ? await fromProc() : await fromPs();
  const found = all.filter(({ pid }) => pid === root);
  for (const each of found) found.push(...all.filter(({ parent }) => parent === each.pid));
  return found;
}

/** Bytes of memory that the processes hold; what they share counts once where the system can tell. */
export async function memoryOf(processes: readonly ProcessUse[]): Promise<number> {
  const each = await Promise.all(processes.map(({ pid }) => memoryOfProcess(pid)));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

async function fromProc(): Promise<ProcessUse[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const read = pids.map(async (pid) => {
    // A process may end meanwhile.
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    return text === "" ? [] : [parseStat(text)];
  });
  return (await Promise.all(read)).flat();
}

/** A line of `/proc/PID/stat`; the second field is a name in parentheses, which may hold anything. */
function parseStat(text: string): ProcessUse {
  const afterName = text.lastIndexOf(")") + 2;
  const [, parent, ...fields] = text.slice(afterName).split(" ");
  const [userTicks, systemTicks] = [fields[9], fields[10]].map(Number);
  return {
    pid: Number.parseInt(text, 10),
    parent: Number(parent),
    cpu: (userTicks + systemTicks) / ticksPerSecond,
  };
}

async function fromPs(): Promise<ProcessUse[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axo", "pid=,ppid=,time="]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [pid, parent, time] = line.trim().split(/\s+/);
      // [[days-]hours:]minutes:seconds
      const [days, clock] = time.includes("-") ? time.split("-") : ["0", time];
      const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
      return { pid: Number(pid), parent: Number(parent), cpu: Number(days) * 86_400 + seconds };
    });
}

async function memoryOfProcess(pid: number): Promise<number> {
  if (platform() !== "linux") {
    const args = ["-o", "rss=", "-p", String(pid)];
    const { stdout } = await promisify(execFile)("ps", args).catch(() => ({ stdout: "0" }));
    return Number(stdout) * 1024;
  }
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  const status = rollup.includes("Pss:") ? "" : await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^(?:Pss|VmRSS):\s+(\d+) kB/m.exec(rollup + status)?.[1] ?? 0) * 1024;
}
