import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** Sends a signal to a process and to all that it started, directly or not. */
export function signalTree(root: number, signal: NodeJS.Signals): void {
  const children = childrenByParent();
  const tree = new Set([root]);
  for (const pid of tree) for (const child of children.get(pid) ?? []) tree.add(child);
  for (const pid of tree) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of processes()) {
    const known = children.get(parent);
    if (known) known.push(pid);
    else children.set(parent, [pid]);
  }
  return children;
}

/** Every process and its parent: from Linux's own files, which are always there, else from `ps`. */
function* processes(): Generator<[pid: number, parent: number]> {
  if (process.platform === "linux") {
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
        // The name of the program, in parentheses, may hold anything.
        yield [Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])];
      } catch {
        // It has ended meanwhile.
      }
    }
    return;
  }
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  for (const line of (stdout ?? "").split("\n")) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (pid && parent) yield [pid, parent];
  }
}
