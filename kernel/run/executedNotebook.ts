import type { CodeCell, Metadata, Notebook } from "../notebook/format.js";
import { type CellOutputs, noOutputs, storedOutputs } from "../notebook/outputModel.js";
import type { CellRun, RunState } from "./runState.js";

/** What the executed notebook says about its run besides the cells' own state. */
export interface RunOrigin {
  /** The input and output files, as given on the command line. */
  inputPath: string;
  outputPath: string;
  /** The parameters that were set; JSON values, anything else as text. */
  parameters: Record<string, unknown>;
}

/**
 * The notebook as it is to be stored at this point of its run: outputs, execution counts, and for each code cell a
 * true status under `metadata.moelab`, and under `metadata.papermill` in papermill's terms for its tools.
 */
export function executedNotebook(notebook: Notebook, state: RunState, origin: RunOrigin): Notebook {
  const cells = notebook.cells.map((cell) =>
    cell.cell_type === "code"
      ? executedCell(cell, state.cells.get(cell.id), state.outputs.get(cell.id))
      : cell,
  );
  return {
    ...notebook,
    cells,
    metadata: { ...notebook.metadata, ...runMetadata(notebook.metadata, state, origin) },
  };
}

/** The last form of each cell: one whose run did not go on stays the same object, which need not be formatted again. */
const executedCells = new WeakMap<CodeCell, { run?: CellRun; outputs?: CellOutputs; executed: CodeCell }>();

function executedCell(cell: CodeCell, run: CellRun | undefined, outputs: CellOutputs | undefined): CodeCell {
  const last = executedCells.get(cell);
  if (last && last.run === run && last.outputs === outputs) return last.executed;
  const executed = makeExecutedCell(cell, run, outputs);
  executedCells.set(cell, { run, outputs, executed });
  return executed;
}

function makeExecutedCell(
  cell: CodeCell,
  run: CellRun | undefined,
  outputs: CellOutputs | undefined,
): CodeCell {
  // The times that JupyterLab may have recorded belong to another run.
  const { execution: _, ...metadata } = cell.metadata;
  return {
    ...cell,
    execution_count: run?.executionCount ?? null,
    outputs: storedOutputs(outputs ?? noOutputs),
    metadata: {
      ...metadata,
      moelab: {
        ...objectOr(metadata.moelab),
        status: run?.status ?? "pending",
        startTime: isoTime(run?.startTime),
        endTime: isoTime(run?.endTime),
      },
      papermill: {
        status: papermillStatus(run),
        exception: run && run.status !== "running" ? run.status !== "ok" : null,
        ...papermillTimes(run),
      },
    },
  };
}

function runMetadata(metadata: Metadata, state: RunState, origin: RunOrigin): Metadata {
  return {
    moelab: {
      ...objectOr(metadata.moelab),
      status: state.status ?? (state.startTime === undefined ? "pending" : "running"),
      startTime: isoTime(state.startTime),
      endTime: isoTime(state.endTime),
      parameters: origin.parameters,
    },
    papermill: {
      input_path: origin.inputPath,
      output_path: origin.outputPath,
      parameters: origin.parameters,
      exception: state.status ? state.status !== "ok" : null,
      ...papermillTimes(state),
    },
  };
}

function papermillStatus(run: CellRun | undefined): string {
  if (!run) return "pending";
  if (run.status === "running") return "running";
  return run.status === "ok" ? "completed" : "failed";
}

/** papermill's keys: ISO times, duration in seconds. */
function papermillTimes(run: { startTime?: number; endTime?: number } | undefined): Metadata {
  const { startTime, endTime } = run ?? {};
  return {
    start_time: isoTime(startTime),
    end_time: isoTime(endTime),
    duration: startTime !== undefined && endTime !== undefined ? (endTime - startTime) / 1000 : null,
  };
}

function isoTime(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString();
}

function objectOr(value: unknown): Metadata {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Metadata) : {};
}
