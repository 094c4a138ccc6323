import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as train from "../../src/train/index.js";

const folder = mkdtempSync(join(tmpdir(), "moelab-killed-"));
afterAll(() => rmSync(folder, { recursive: true }));

const steps = 60;

interface Kill {
  /** Steps that the process makes before. */
  steps: number;
  /** Milliseconds after the last of these. */
  delay: number;
}

/** Runs the training in a process of its own, to its end or until it is killed. */
async function trainInProcess(name: string, kill?: Kill): Promise<string> {
  const script = join(import.meta.dirname, "trainingProcess.mjs");
  const child = spawn(process.execPath, [script, join(folder, name), String(steps)], {
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
  const ended = once(child, "close");
  let output = "";
  child.stderr.on("data", (text) => {
    output += text;
  });
  child.stdout.on("data", (text) => {
    output += text;
    const made = output.match(/^step/gm)?.length ?? 0;
    if (kill && made >= kill.steps) setTimeout(() => child.kill("SIGKILL"), kill.delay);
  });
  const [code, signal] = await ended;
  if (signal === null && code !== 0) throw new Error(`the training ended with ${code}:\n${output}`);
  return output;
}

test("a run killed at any moment resumes to the bits of an undisturbed one", async () => {
  const undisturbed = /hash (\w+)/.exec(await trainInProcess("whole"))?.[1];
  expect(undisturbed).toBeDefined();
  const begins: number[] = [];
  for (let kill = 0; kill < 6; kill++) {
    const output = await trainInProcess("killed", { steps: 3 + kill, delay: Math.random() * 20 });
    begins.push(Number(/begins at step (\d+)/.exec(output)?.[1]));
    train.readCheckpoint(join(folder, "killed"));
  }
  expect(begins).toEqual([...begins].sort((a, b) => a - b));
  const last = await trainInProcess("killed");
  expect(/hash (\w+)/.exec(last)?.[1]).toBe(undisturbed);
  // Nothing that a killed process left stays.
  expect(readdirSync(join(folder, "killed"))).toEqual(["step-000059", "step-000060"]);
  expect(begins.filter((step) => step > 0).length).toBeGreaterThanOrEqual(5);
});
