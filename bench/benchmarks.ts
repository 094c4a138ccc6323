import type { Benchmark } from "./harness/benchmark.js";

interface Entry {
  /** One line for the list. */
  summary: string;
  load(): Promise<{ benchmark: Benchmark }>;
}

/** Every benchmark by its name on the command line. */
export const benchmarks: Record<string, Entry> = {
  "op-overhead": {
    summary: "time of small tensor operators from TypeScript, against Python on the same libtorch",
    load: () => import("./opOverhead.js"),
  },
  memory: {
    summary: "growth of resident memory in training loops without manual disposal, against Python",
    load: () => import("./memory.js"),
  },
};
