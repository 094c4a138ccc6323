import { describe, expect, it } from "vitest";
import type { CodeCell, Notebook } from "../../../kernel/notebook/format.js";
import { executedNotebook } from "../../../kernel/run/executedNotebook.js";
import { exitCodeFor } from "../../../kernel/run/exitCode.js";
import { applyRunEvent, notStarted, type RunEvent } from "../../../kernel/run/runState.js";
import { duration } from "../../../kernel/run/terminalView.js";
import type { SessionEvent } from "../../../kernel/session/events.js";

const code = (id: string, metadata = {}): CodeCell => ({
  cell_type: "code",
  id,
  source: id,
  metadata,
  execution_count: 9,
  outputs: [{ output_type: "stream", name: "stdout", text: "of an earlier run" }],
});
const notebook: Notebook = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { title: "kept", moelab: { other: 1, status: "ok" } },
  cells: [
    code("one", { tags: ["kept"], execution: { "shell.execute_reply": "2020" } }),
    { cell_type: "markdown", id: "text", source: "# kept", metadata: {} },
    code("two"),
    code("three"),
  ],
};
const origin = { inputPath: "in.ipynb", outputPath: "out.ipynb", parameters: { lr: 0.1 } };

const print = (cellId: string, text: string): RunEvent => ({
  type: "cellEvent",
  cellId,
  event: { type: "stream", name: "stdout", text },
});
const notebookAfter = (...events: RunEvent[]): Notebook =>
  executedNotebook(notebook, events.reduce(applyRunEvent, notStarted), origin);
const statuses = ({ cells }: Notebook): unknown[] =>
  cells
    .filter((cell) => cell.cell_type === "code")
    .map(({ metadata }) => [
      (metadata.moelab as any).status,
      (metadata.papermill as any).status,
      (metadata.papermill as any).exception,
    ]);

const firstEnds: RunEvent[] = [
  { type: "runStarted", time: 1000 },
  { type: "cellStarted", cellId: "one", time: 1000 },
  print("one", "hello"),
  { type: "cellEnded", cellId: "one", time: 2500, outcome: { status: "ok", executionCount: 1 } },
];

describe("the executed notebook", () => {
  it("holds nothing of an earlier run", () => {
    const cells = notebookAfter().cells.filter((cell) => cell.cell_type === "code");
    expect(cells.map((cell) => [cell.outputs, cell.execution_count])).toEqual([
      [[], null],
      [[], null],
      [[], null],
    ]);
    expect(cells[0].metadata).not.toHaveProperty("execution");
    expect(statuses(notebookAfter())).toEqual(Array(3).fill(["pending", "pending", null]));
    expect((notebookAfter().metadata.moelab as any).status).toBe("pending");
  });

  it("says of each cell how it ended, and when", () => {
    const result = notebookAfter(...firstEnds, { type: "cellStarted", cellId: "two", time: 3000 });
    expect(statuses(result)).toEqual([
      ["ok", "completed", false],
      ["running", "running", null],
      ["pending", "pending", null],
    ]);
    expect(result.cells[0]).toMatchObject({
      execution_count: 1,
      outputs: [{ output_type: "stream", name: "stdout", text: "hello" }],
      metadata: {
        tags: ["kept"],
        moelab: { startTime: "1970-01-01T00:00:01.000Z", endTime: "1970-01-01T00:00:02.500Z" },
        papermill: {
          duration: 1.5,
          start_time: "1970-01-01T00:00:01.000Z",
          end_time: "1970-01-01T00:00:02.500Z",
        },
      },
    });
    expect(result.cells[1]).toEqual(notebook.cells[1]);
    expect(result.metadata).toMatchObject({ title: "kept", moelab: { other: 1, status: "running" } });
  });

  it.each(["error", "interrupted", "died"] as const)(
    "never calls a cell completed that ended as %s",
    (status) => {
      const result = notebookAfter(
        ...firstEnds,
        { type: "cellStarted", cellId: "two", time: 3000 },
        { type: "cellEnded", cellId: "two", time: 4000, outcome: { status, executionCount: 2 } },
        { type: "runEnded", time: 4000, status },
      );
      expect(statuses(result)).toEqual([
        ["ok", "completed", false],
        [status, "failed", true],
        ["pending", "pending", null],
      ]);
      expect(result.metadata).toMatchObject({
        moelab: { status, parameters: { lr: 0.1 } },
        papermill: {
          exception: true,
          duration: 3,
          input_path: "in.ipynb",
          output_path: "out.ipynb",
          parameters: { lr: 0.1 },
        },
      });
    },
  );

  it("shows what a later cell updates in an earlier one", () => {
    const show = (type: "display" | "updateDisplay", text: string): SessionEvent => ({
      type,
      data: { "text/plain": text },
      metadata: {},
      displayId: "bar",
    });
    const result = notebookAfter(
      { type: "cellStarted", cellId: "one", time: 0 },
      { type: "cellEvent", cellId: "one", event: show("display", "0 %") },
      { type: "cellStarted", cellId: "two", time: 0 },
      { type: "cellEvent", cellId: "two", event: show("updateDisplay", "100 %") },
    );
    expect(result.cells[0].outputs).toMatchObject([{ data: { "text/plain": "100 %" } }]);
    expect(result.cells[2].outputs).toEqual([]);
  });
});

it("exits as the run ended, and as the signal says when it was stopped", () => {
  expect(exitCodeFor("ok", undefined)).toBe(0);
  expect(exitCodeFor("error", undefined)).toBe(1);
  expect(exitCodeFor("died", undefined)).toBe(4);
  expect(exitCodeFor("interrupted", "SIGINT")).toBe(130);
  expect(exitCodeFor("interrupted", "SIGTERM")).toBe(143);
  expect(exitCodeFor("error", "SIGTERM")).toBe(143);
  expect(exitCodeFor("ok", "SIGINT")).toBe(0);
});

it("says durations as people do", () => {
  expect([42, 4200, 31_480, 725_000, 11_400_000].map(duration)).toEqual([
    "0.04 s",
    "4.20 s",
    "31.5 s",
    "12 min 5 s",
    "3 h 10 min",
  ]);
});
