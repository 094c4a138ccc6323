import { readFile } from "node:fs/promises";
import { cpus, freemem, totalmem } from "node:os";

/** In bytes, under the names that psutil gives them. */
export interface HostMemory {
  total: number;
  available: number;
  used: number;
  free: number;
  /** Of the whole, what is not available, in percent. */
  percent: number;
}

export async function hostMemory(): Promise<HostMemory> {
  const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const kibibytes = (name: string) => new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1];
  const bytes = (name: string, otherwise: number) => {
    const found = kibibytes(name);
    return found === undefined ? otherwise : Number(found) * 1024;
  };
  const total = totalmem();
  const free = bytes("MemFree", freemem());
  const available = bytes("MemAvailable", free);
  const used = total - available;
  return { total, available, used, free, percent: rounded((100 * used) / total) };
}

/** Processor times of the host since its start, all processors together, in milliseconds. */
export function hostTimes(): { busy: number; all: number } {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    busy += sum - times.idle;
    all += sum;
  }
  return { busy, all };
}

/** To one decimal, as psutil gives percentages. */
export function rounded(percent: number): number {
  return Math.round(percent * 10) / 10;
}
