import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { kernelspec } from "../kernel/install/kernelspec.js";
import { packageRoot } from "../src/engine/addon.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";

/** For tests: shorter measurements. */
export interface KernelLatencyOptions {
  /** Starts of each kernel. Default 7. */
  starts?: number;
  /** Rounds of cells. Default 10. */
  rounds?: number;
  /** Cells in one measurement, which gives their median. Default 15. */
  cells?: number;
  /** Iterations of the loop. Default 50 million. */
  iterations?: number;
  /** Default 200, an even number. */
  definitions?: number;
  /** Other kernels to compare with. Default: those that are installed. */
  others?: string[];
}

/** What a trivial cell may take, and a headless run of twenty, in milliseconds. */
const cellGoal = 10;
const headlessGoal = 600;

const cli = join(packageRoot(), "dist", "kernel", "cli.js");

/** The command that starts each kernel, `{connection_file}` standing for Jupyter's file. */
function kernelCommands(): Record<string, string[]> {
  const tslab = join(dirname(createRequire(import.meta.url).resolve("tslab/package.json")), "bin", "tslab");
  const python = join(packageRoot(), ".moelab", "python", "bin", "python");
  const deno = denoProgram();
  return {
    moelab: kernelspec(process.execPath, cli).argv,
    ipykernel: [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    tslab: [process.execPath, tslab, "kernel", "--config-path={connection_file}"],
    ...(deno && { Deno: [deno, "jupyter", "--kernel", "--conn", "{connection_file}"] }),
  };
}

/** Deno where `DENO` says or on PATH; undefined when it is nowhere. */
function denoProgram(): string | undefined {
  const onPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "deno"));
  return [process.env.DENO, ...onPath].find((file) => file !== undefined && existsSync(file));
}

class Kernels {
  readonly commands = kernelCommands();
  readonly folder = mkdtempSync(join(tmpdir(), "moelab-latency-"));
  #cells = 0;

  constructor(private readonly python: Python) {}

  start(name: string): Promise<number> {
    return this.python.call("start", { name, argv: this.commands[name], cwd: this.folder });
  }

  run(name: string, ...cells: string[]): Promise<number> {
    return this.python.call("run", { name, cells });
  }

  /** The median time of trivial cells, no two of which are the same. */
  trivial(name: string, count: number): Promise<number> {
    return this.run(name, ...Array.from({ length: count }, () => `1 + ${++this.#cells}`));
  }

  async stop(name: string): Promise<void> {
    await this.python.call("stop", { name });
  }

  async close(): Promise<void> {
    await this.python.call("stop_all");
    await this.python.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How long a user of the kernel waits, as a Jupyter client sees it: beside other kernels, and beside goals. */
export async function kernelLatency(
  progress: (line: string) => void,
  options: KernelLatencyOptions = {},
): Promise<BenchmarkCase[]> {
  const { starts = 7, rounds = 10, cells = 15, iterations = 50_000_000, definitions = 200 } = options;
  makeImage();
  const kernels = new Kernels(await Python.start("bench/kernelLatency.py"));
  const others = options.others ?? Object.keys(kernels.commands).filter((name) => name !== "moelab");
  const cases: BenchmarkCase[] = [];
  const add = (name: string, measured: { ours: number; baseline: number }, note?: string) => {
    const result = compare(name, measured, "ms", note);
    progress(`${name}: ${result.ours} ms, baseline ${result.baseline} ms, ratio ${result.ratio}`);
    cases.push(result);
  };
  const trivial = (name: string) => () => kernels.trivial(name, cells);
  const median = { rounds, statistic: "median" } as const;
  try {
    const start = (name: string) => async () => {
      const time = await kernels.start(name);
      await kernels.stop(name);
      return time;
    };
    for (const other of others) {
      const measured = await alternate(start("moelab"), start(other), {
        rounds: starts,
        statistic: "median",
      });
      add(
        `start to first reply, ${other}`,
        measured,
        "from the start of the process to the reply of its first cell",
      );
    }

    for (const name of ["moelab", ...others]) {
      await kernels.start(name);
      await kernels.trivial(name, 3 * cells);
    }
    const goal = () => cellGoal;
    add(
      "trivial cell",
      await alternate(trivial("moelab"), goal, median),
      `baseline: the goal of ${cellGoal} ms`,
    );
    for (const other of others) {
      const measured = await alternate(trivial("moelab"), trivial(other), median);
      add(
        `trivial cell, ${other}`,
        measured,
        other === "tslab" ? "types checked by both" : "types checked by ours",
      );
    }
    const before = await alternate(trivial("moelab"), goal, median);

    const loop = (count: number) => `let sum = 0; for (let i = 0; i < ${count}; i++) sum += i % 7; sum`;
    const inFunction = (count: number) =>
      `(() => { let sum = 0; for (let i = 0; i < ${count}; i++) sum += i % 7; return sum; })()`;
    add(
      `top-level loop, ${iterations} iterations`,
      await alternate(
        () => kernels.run("moelab", loop(iterations)),
        () => kernels.run("moelab", inFunction(iterations)),
        { rounds: Math.min(rounds, 5), statistic: "median" },
      ),
      "baseline: the same loop in a function",
    );

    const define = (n: number) =>
      `const point${n} = { x: ${n}, y: [${n}] }; function move${n}(by: number) { return point${n}.x + by; }`;
    for (let n = 0; n < definitions; n += 2) await kernels.run("moelab", `${define(n)}`, `${define(n + 1)}`);
    const after = await alternate(trivial("moelab"), goal, median);
    add(
      `trivial cell after ${definitions} definitions`,
      { ours: after.ours, baseline: before.ours },
      "baseline: a trivial cell of the same kernel before them",
    );
    await kernels.stop("moelab");

    await kernels.start("moelab");
    await kernels.run("moelab", 'import { torch, nn, moe } from "moelab";');
    await kernels.trivial("moelab", 3 * cells);
    add(
      "trivial cell with moelab imported",
      await alternate(trivial("moelab"), goal, median),
      `baseline: the goal of ${cellGoal} ms`,
    );

    const runs = { rounds: starts, statistic: "median" } as const;
    const one = await alternate(
      () => runHeadless(kernels.folder, 21),
      () => runHeadless(kernels.folder, 1),
      runs,
    );
    add(
      "20 trivial cells headless, after start",
      { ours: one.ours - one.baseline, baseline: headlessGoal },
      `\`moelab run\` of 21 cells less that of one (${Math.round(one.baseline)} ms); baseline: the goal of ${headlessGoal} ms`,
    );
  } finally {
    await kernels.close();
  }
  return cases;
}

/** The set-up makes it; after a build it may be of yesterday. */
function makeImage(): void {
  const program = join(packageRoot(), "dist", "kernel", "cells", "image", "buildImage.js");
  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the compiler's image could not be made:\n${stderr}`);
}

/** Milliseconds of `moelab run` over a notebook of trivial cells. */
function runHeadless(folder: string, count: number): number {
  const source = (_: unknown, n: number) => ({ id: `cell-${n}`, cell_type: "code", source: `${n} + 1` });
  const cells = Array.from({ length: count }, source).map((cell) => ({
    ...cell,
    metadata: {},
    outputs: [],
    execution_count: null,
  }));
  mkdirSync(join(folder, "out"), { recursive: true });
  const notebook = join(folder, "trivial.ipynb");
  writeFileSync(notebook, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }));
  const begin = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    [cli, "run", notebook, "-o", join(folder, "out", "trivial.ipynb")],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`moelab run failed with exit code ${status}:\n${stderr}`);
  return performance.now() - begin;
}

export const benchmark: Benchmark = { name: "kernel-latency", run: kernelLatency };
