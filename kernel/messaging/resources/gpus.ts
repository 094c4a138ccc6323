import { execFile } from "node:child_process";

export interface Gpu {
  name: string;
  /** In bytes. */
  memory_total: number;
  memory_used: number;
  /** What the kernel's own processes hold; null where the driver does not tell, as in many containers. */
  kernel_memory: number | null;
}

/** An answer that takes longer counts as none, in milliseconds. */
const patience = 1500;

let missing = false;

/** The graphics cards as NVIDIA's driver reports them; empty where there is none. */
export async function gpus(pids: ReadonlySet<number>): Promise<Gpu[]> {
  if (missing) return [];
  const [cards, uses] = await Promise.all([
    query("--query-gpu=uuid,memory.total,memory.used,name"),
    query("--query-compute-apps=gpu_uuid,pid,used_memory"),
  ]);
  return parseGpus(cards, uses, pids);
}

/** @param cards and `uses`: lines of `nvidia-smi`, mebibytes */
export function parseGpus(cards: string, uses: string, pids: ReadonlySet<number>): Gpu[] {
  const bytes = (mebibytes: string) => Number(mebibytes) * 1024 * 1024;
  const all = rows(uses);
  return rows(cards).map(([uuid, total, used, ...name]) => {
    const own = all.filter(([card, pid]) => card === uuid && pids.has(Number(pid)));
    const known = own.map(([, , memory]) => bytes(memory)).filter(Number.isFinite);
    return {
      name: name.join(", "),
      memory_total: bytes(total),
      memory_used: bytes(used),
      kernel_memory: known.length > 0 ? known.reduce((sum, each) => sum + each) : null,
    };
  });
}

function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.includes(","))
    .map((line) => line.split(",").map((field) => field.trim()));
}

function query(what: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      "nvidia-smi",
      [what, "--format=csv,noheader,nounits"],
      { timeout: patience },
      (fault, output) => {
        if ((fault as NodeJS.ErrnoException | null)?.code === "ENOENT") missing = true;
        resolve(fault ? "" : output);
      },
    );
  });
}
