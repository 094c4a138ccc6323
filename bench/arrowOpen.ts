import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../src/engine/addon.js";
import * as torch from "../src/torch/index.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";

const repetitions = 50;

interface Opening {
  /** Milliseconds of the first opening in the process, the engine being loaded. */
  first: number;
  /** MiB of resident memory that it added. */
  more: number;
  /** Milliseconds of further ones. */
  times: number[];
}

function residentMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
}

function openTimed(path: string): number {
  const start = performance.now();
  torch.tidy(() => torch.openArrow(path).weight.select(0, -1).select(0, -1).item());
  return performance.now() - start;
}

/** Opening in this process; the bench runs it in one of its own. */
export function measureOpening(path: string): Opening {
  torch.tidy(() => torch.ones([2]).select(0, 0).item());
  residentMiB();
  const before = residentMiB();
  const first = openTimed(path);
  const more = residentMiB() - before;
  return { first, more, times: Array.from({ length: repetitions }, () => openTimed(path)) };
}

function measured(command: string, args: string[]): Opening {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout);
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** Opening a file with one tensor of 1 GiB and reading its last element: moelab against pyarrow, the same file. */
async function arrowOpen(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const folder = mkdtempSync(join(tmpdir(), "moelab-arrow-open-"));
  try {
    const path = join(folder, "weight.arrow");
    progress("writing 1 GiB");
    torch.tidy(() => torch.saveArrow(path, { weight: torch.full([16384, 16384], 1) }));
    const self = JSON.stringify(import.meta.url);
    const program = `import { measureOpening } from ${self}; console.log(JSON.stringify(measureOpening(process.argv[1])));`;
    const ours = measured(process.execPath, ["--input-type=module", "-e", program, path]);
    const python = join(packageRoot(), ".moelab/python/bin/python");
    const script = join(packageRoot(), "bench/arrowOpen.py");
    const baseline = measured(python, [script, path, String(repetitions)]);
    const note = "baseline: pyarrow; the engine is loaded before";
    return [
      compare("first opening in the process", { ours: ours.first, baseline: baseline.first }, "ms", note),
      compare(
        `median of ${repetitions} further openings`,
        { ours: median(ours.times), baseline: median(baseline.times) },
        "ms",
        note,
      ),
      compare(
        "resident memory added by the first opening",
        { ours: ours.more, baseline: baseline.more },
        "MiB",
        note,
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const benchmark: Benchmark = { name: "arrow-open", run: arrowOpen };
