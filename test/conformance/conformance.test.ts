import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Jupyter } from "../kernel/messaging/jupyter.js";
import { conformance, shortcomings } from "./suite.js";

let jupyter: Jupyter;
beforeAll(() => {
  jupyter = new Jupyter();
});
afterAll(() => jupyter.close());

it("moelab passes all checks", async () => {
  expect(await shortcomings(jupyter.folder, "moelab")).toEqual({
    "info.connect": "skipped: the kernel does not answer connect_request, as it may",
    "execute.pager": "skipped: the language's description lacks pager",
  });
});

it("ipykernel passes what it claims, so the checks are fair", async () => {
  expect(await shortcomings(jupyter.folder, "python3")).toEqual({
    "info.features": "skipped: only one of the two is sent",
    // "execute_reply messages have an execution_count field regardless of their status"; an aborted one has none.
    "queue.stop_on_error": "failed: its reply lacks execution_count",
    "message.execute_reply": expect.stringMatching(/^failed: content.execution_count: missing/),
  });
});

it("the README lists the checks as they are", async () => {
  const readme = readFileSync(new URL("../../conformance/README.md", import.meta.url), "utf8");
  expect(readme).toContain(await conformance(jupyter.folder, ["--list"]));
});
