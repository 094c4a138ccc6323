import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Jupyter } from "../kernel/messaging/jupyter.js";
import { conformance, shortcomings } from "./suite.js";

let jupyter: Jupyter;
beforeAll(() => {
  jupyter = new Jupyter();
});
afterAll(() => jupyter.close());

// Time enough for several checks to fail: the report is to name them.
it("moelab passes all checks", { timeout: 400_000 }, async () => {
  expect(await shortcomings(jupyter.folder, "moelab")).toEqual({});
});

// Again if need be: a signal that comes as ipykernel begins a cell is lost to it.
it("ipykernel passes what it claims, so the checks are fair", { retry: 2, timeout: 300_000 }, async () => {
  // What it neither claims nor does, and what would take long to fail.
  const beyond = [
    "busy.*",
    "interrupt.after_wait",
    "interrupt.waiting",
    "life.shutdown_busy",
    "life.children",
  ];
  expect(await shortcomings(jupyter.folder, "python3", beyond)).toEqual({
    "info.features": "skipped: only one of the two is sent",
    "interrupt.callback": "skipped: the language's description lacks interrupts.callback",
    "interrupt.microtasks": "skipped: the language's description lacks interrupts.microtasks",
    "interrupt.reply": "skipped: interrupt_mode of the kernelspec is 'signal'",
    // "execute_reply messages have an execution_count field regardless of their status"; an aborted one has none.
    "queue.stop_on_error": "failed: its reply lacks execution_count",
    "message.execute_reply": expect.stringMatching(/^failed: content.execution_count: missing/),
    // "When status is 'error' […] the following fields should be present": ename and traceback are not.
    "message.delete_subshell_reply": expect.stringMatching(/^failed: content.ename: missing/),
    // The Debug Adapter Protocol's responses carry request_seq; here it is called sequence_seq.
    "debug.rich_variable": expect.stringMatching(/^failed: request_seq/),
    "message.debug_reply": "failed: content.request_seq: missing",
  });
});

it.each([
  ["moelab", 400],
  // Its replies to aborted executions lack a field, see above.
  ["python3", 100],
])("random messages leave %s as it was", async (kernel, messages) => {
  const parameters = [
    "--kernel",
    kernel,
    "--timeout",
    "60",
    "--seed",
    "1",
    "--messages",
    String(messages),
    "--json",
  ];
  const { fault, faults } = JSON.parse(await conformance(jupyter.folder, ["fuzz", ...parameters]));
  expect(fault).toBeNull();
  if (kernel === "moelab") expect(faults).toEqual({});
});

it("the README lists the checks as they are", async () => {
  const readme = readFileSync(new URL("../../conformance/README.md", import.meta.url), "utf8");
  expect(readme).toContain(await conformance(jupyter.folder, ["--list"]));
});
