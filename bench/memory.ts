import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";
import type { LoopRequest, Variant } from "./memoryLoop.js";

const variants: Variant[] = [
  "tiny tensors",
  "medium tensors",
  "losses in an array",
  "replay list",
  "async loop",
];

/** Growth of resident memory after the warm-up that a loop of 10,000 steps may have. */
const limitMB = 50;

/** In a process of its own: what one variant has freed would hide the next one's growth. */
async function growth(request: LoopRequest): Promise<number> {
  const child = fork(fileURLToPath(new URL("./memoryLoop.js", import.meta.url)), [JSON.stringify(request)]);
  const [answer] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code, signal]) => {
      throw new Error(`the loop '${request.variant}' ended with ${signal ?? `exit code ${code}`}`);
    }),
  ]);
  return answer as number;
}

export interface MemoryOptions {
  only?: Variant[];
  /** Default 10,000. */
  steps?: number;
}

function verdictOn(variant: Variant, grownMB: number): string {
  // Each loss kept alive sits in a gap of the C library's heap that larger tensors then cannot use, in Python as here.
  if (variant === "losses in an array") return "holds a loss per step, so no limit";
  return `limit ${limitMB} MB: ${grownMB <= limitMB ? "kept" : "EXCEEDED"}`;
}

/** A ratio of growths near nothing says nothing: each side counts as at least this. */
const floorMB = 1;

export async function memory(
  progress: (line: string) => void,
  { only = variants, steps = 10_000 }: MemoryOptions = {},
): Promise<BenchmarkCase[]> {
  const cases: BenchmarkCase[] = [];
  for (const variant of only) {
    const python = await Python.start("bench/memory.py");
    try {
      const warmup = Math.min(100, steps / 2);
      const ours = Math.max(floorMB, (await growth({ variant, steps, warmup })) / 2 ** 20);
      const baseline = Math.max(
        floorMB,
        (await python.call("measure", { variant, steps, warmup })) / 2 ** 20,
      );
      const verdict = verdictOn(variant, ours);
      const result = compare(`${variant}, ${steps} steps`, { ours, baseline }, "MB", verdict);
      progress(`${variant}: grew ${result.ours} MB (${verdict}), Python ${result.baseline} MB`);
      cases.push(result);
    } finally {
      await python.stop();
    }
  }
  return cases;
}

export const benchmark: Benchmark = { name: "memory", run: memory };
