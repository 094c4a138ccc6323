import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { alternate } from "../../bench/harness/alternate.js";
import { compare } from "../../bench/harness/benchmark.js";
import { describeMachine } from "../../bench/harness/machine.js";
import { Python } from "../../bench/harness/python.js";
import type { kernelLatency } from "../../bench/kernelLatency.js";
import type { memory } from "../../bench/memory.js";
import { opOverhead } from "../../bench/opOverhead.js";
import { packageRoot } from "../../src/engine/addon.js";

const quiet = () => {};

describe("the harness", () => {
  it("measures both sides in turn and changes who goes first", async () => {
    const order: string[] = [];
    let next = 0;
    const side = (name: string) => () => {
      order.push(name);
      return ++next;
    };
    expect(await alternate(side("ours"), side("baseline"), { rounds: 4 })).toEqual({ ours: 1, baseline: 2 });
    expect(order.join(" ")).toBe("ours baseline baseline ours ours baseline baseline ours");
    const values = [5, 1, 9];
    const fromList = () => values[next++ % 3];
    next = 0;
    expect((await alternate(fromList, () => 2, { rounds: 3, statistic: "median" })).ours).toBe(5);
  });

  it("gives ratios of ours to the baseline", () => {
    expect(compare("a", { ours: 1, baseline: 3 }, "ns")).toEqual({
      case: "a",
      ours: 1,
      baseline: 3,
      ratio: 0.3333,
      unit: "ns",
    });
  });

  it("speaks with Python: answers, errors, its end", async () => {
    const python = await Python.start("bench/opOverhead.py");
    expect(await python.call("measure", { statement: "a.add(b)", grad: false, count: 10 })).toBeGreaterThan(
      0,
    );
    await expect(python.call("measure", { statement: "a.no_such()", grad: false, count: 1 })).rejects.toThrow(
      /no_such/,
    );
    await expect(python.call("missing")).rejects.toThrow(/missing failed in Python/);
    await python.stop();
    await expect(python.call("measure")).rejects.toThrow(/has ended/);
  });

  it("describes the machine", () => {
    expect(describeMachine()).toMatchObject({
      cpu: expect.any(String),
      cores: expect.any(Number),
      node: process.versions.node,
      libtorch: expect.stringMatching(/^\d+\.\d+/),
    });
  });
});

describe("benchmarks", () => {
  const whole = {
    case: expect.any(String),
    ours: expect.any(Number),
    baseline: expect.any(Number),
    ratio: expect.any(Number),
    unit: expect.any(String),
  };

  it("op-overhead, shortened", async () => {
    const cases = await opOverhead(quiet, { only: ["add"], count: 200, rounds: 2 });
    expect(cases).toHaveLength(4);
    for (const each of cases) expect(each).toMatchObject(whole);
  });

  it("kernel-latency, shortened", async () => {
    // Starts kernels from the built package.
    const built = await import(join(packageRoot(), "dist/bench/kernelLatency.js"));
    const options = {
      starts: 1,
      rounds: 1,
      cells: 2,
      iterations: 1000,
      definitions: 2,
      others: ["ipykernel"],
    };
    const cases = await (built.kernelLatency as typeof kernelLatency)(quiet, options);
    expect(cases.map((each) => each.case)).toEqual([
      "start to first reply, ipykernel",
      "trivial cell",
      "trivial cell, ipykernel",
      "top-level loop, 1000 iterations",
      "trivial cell after 2 definitions",
      "trivial cell with moelab imported",
      "20 trivial cells headless, after start",
    ]);
    for (const each of cases) expect(each).toMatchObject(whole);
  }, 180_000);

  it("memory, shortened", async () => {
    // Runs its loops from the built package.
    const built = await import(join(packageRoot(), "dist/bench/memory.js"));
    const cases = await (built.memory as typeof memory)(quiet, { only: ["tiny tensors"], steps: 200 });
    expect(cases).toHaveLength(1);
    expect(cases[0]).toMatchObject({ ...whole, unit: "MB", note: expect.stringMatching(/kept/) });
  });

  it("the command lists them without a name or with an unknown one", () => {
    const cli = join(packageRoot(), "dist/bench/cli.js");
    for (const [args, status] of [
      [[], 0],
      [["no-such"], 1],
      [["constructor"], 1],
    ] as const) {
      const run = spawnSync(process.execPath, [cli, ...args], { encoding: "utf8" });
      expect([run.status, run.stdout]).toEqual([status, ""]);
      expect(run.stderr).toMatch(/op-overhead[\s\S]*memory/);
    }
  });
});
