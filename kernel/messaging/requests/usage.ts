import { availableParallelism, hostname } from "node:os";
import process from "node:process";
import { gpus } from "../resources/gpus.js";
import { hostMemory, hostTimes, rounded } from "../resources/host.js";
import { memoryOf, processTree } from "../resources/processes.js";
import type { RequestFamily } from "./request.js";

/**
 * What the kernel uses, under the names that ipykernel gives them and its readers expect; `gpus` is moelab's own. The
 * kernel is this process with its executors and all that they started. Processor times count from one request to the
 * next, so that the first has none.
 */
export function usage(): RequestFamily {
  let cpuOf = new Map<number, number>();
  let measuredAt = performance.now();
  let host = hostTimes();

  const kernelCpu = (processes: { pid: number; cpu: number }[]): number => {
    const seconds = (performance.now() - measuredAt) / 1000;
    const used = processes.reduce((sum, { pid, cpu }) => sum + cpu - (cpuOf.get(pid) ?? cpu), 0);
    cpuOf = new Map(processes.map(({ pid, cpu }) => [pid, cpu]));
    measuredAt = performance.now();
    return seconds > 0 ? rounded((100 * used) / seconds) : 0;
  };
  const hostCpu = (): { host_cpu_percent?: number } => {
    const before = host;
    host = hostTimes();
    const all = host.all - before.all;
    return all > 0 ? { host_cpu_percent: rounded((100 * (host.busy - before.busy)) / all) } : {};
  };

  return {
    usage_request: async () => {
      const processes = await processTree(process.pid);
      const cards = await gpus(new Set(processes.map(({ pid }) => pid)));
      return {
        status: "ok",
        hostname: hostname(),
        pid: process.pid,
        kernel_cpu: kernelCpu(processes),
        kernel_memory: await memoryOf(processes),
        ...hostCpu(),
        cpu_count: availableParallelism(),
        host_virtual_memory: await hostMemory(),
        ...(cards.length > 0 ? { gpus: cards } : {}),
      };
    },
  };
}
