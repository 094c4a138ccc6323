import { cpus, loadavg, totalmem } from "node:os";
import { addon } from "../../src/engine/addon.js";

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  node: string;
  libtorch: string;
  /** Threads an operator uses. */
  threads: number;
  /** Of the last 1, 5 and 15 minutes, as the benchmark ended. */
  load: number[];
}

export function describeMachine(): Machine {
  const { libtorch, threads } = addon().system();
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    node: process.versions.node,
    libtorch,
    threads,
    load: loadavg().map((each) => Math.round(each * 100) / 100),
  };
}
