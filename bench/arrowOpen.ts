import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../src/engine/addon.js";
import * as torch from "../src/torch/index.js";

const repetitions = 50;

/** pyarrow on the same file: map it, read the table, take one element without a copy. */
const pyarrowProgram = `
import json, sys, time
import numpy as np
import pyarrow as pa

def resident():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1]) / 1024

def open_file():
    start = time.perf_counter()
    table = pa.ipc.open_file(pa.memory_map(sys.argv[1])).read_all()
    table["weight"].chunk(0).to_numpy_ndarray()[0, -1, -1]
    return (time.perf_counter() - start) * 1e3

before = resident()
first = open_file()
more = resident() - before
print(json.dumps({"first": first, "more": more, "times": [open_file() for _ in range(${repetitions})]}))
`;

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

function run(command: string, args: string[]): Opening {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout);
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** Opening a file with one tensor of 1 GiB and reading its last element: moelab against pyarrow, the same file. */
export function arrowOpen() {
  const folder = mkdtempSync(join(tmpdir(), "moelab-arrow-open-"));
  try {
    const path = join(folder, "weight.arrow");
    torch.tidy(() => torch.saveArrow(path, { weight: torch.full([16384, 16384], 1) }));
    const self = JSON.stringify(import.meta.url);
    const program = `import { measureOpening } from ${self}; console.log(JSON.stringify(measureOpening(process.argv[1])));`;
    const ours = run(process.execPath, ["--input-type=module", "-e", program, path]);
    const baseline = run(join(packageRoot(), ".moelab/python/bin/python"), ["-c", pyarrowProgram, path]);
    const line = (name: string, unit: string, our: number, other: number) => ({
      case: name,
      ours: our,
      baseline: other,
      ratio: our / other,
      unit,
    });
    return {
      name: "arrowOpen",
      cases: [
        line("open 1 GiB and read one element, first in the process", "ms", ours.first, baseline.first),
        line(
          "open 1 GiB and read one element, median of 50",
          "ms",
          median(ours.times),
          median(baseline.times),
        ),
        line("resident memory added by the first opening", "MiB", ours.more, baseline.more),
      ],
      machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, baseline: "pyarrow" },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(arrowOpen(), null, 2));
