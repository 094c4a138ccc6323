import { type CodeCell, cellTags, type Notebook } from "../notebook/format.js";
import type { CellStatus, ExecuteOutcome, ExecuteRequest, SessionEvent } from "../session/events.js";
import { kernelFault } from "../session/kernelFault.js";
import type { RunEvent } from "./runState.js";
import type { StopRequest } from "./stopRequest.js";

/** What the loop needs of a session. */
export interface CellSession {
  execute(request: ExecuteRequest, sink: (event: SessionEvent) => void): Promise<ExecuteOutcome>;
}

export interface CellLoopOptions {
  /** Goes on after a cell that fails. Default false. */
  allowErrors?: boolean;
  /** Answers the cells' `input()`. */
  input?: ExecuteRequest["input"];
}

/** A cell with this tag is expected to fail: the run goes on and succeeds (nbclient's name). */
const raisesTag = "raises-exception";
/** A cell with this tag is not executed and stays pending (nbclient's name). */
const skipTag = "skip-execution";

/** Whether an error in this cell is no failure of the run. */
export function mayFail(cell: CodeCell): boolean {
  return cellTags(cell).includes(raisesTag);
}

/** The cells that a run executes, in order. */
export function cellsToRun(notebook: Notebook): CodeCell[] {
  return notebook.cells.filter(
    (cell): cell is CodeCell => cell.cell_type === "code" && !cellTags(cell).includes(skipTag),
  );
}

/**
 * Executes a notebook's code cells in order until one fails, the executor dies or a stop is requested.
 *
 * @returns how the run ended: "ok", or the status of the first cell that did not succeed
 */
export async function runCells(
  notebook: Notebook,
  session: CellSession,
  stop: StopRequest,
  emit: (event: RunEvent) => void,
  options: CellLoopOptions = {},
): Promise<CellStatus> {
  let result: CellStatus = "ok";
  for (const cell of cellsToRun(notebook)) {
    if (stop.signal) return result === "ok" ? "interrupted" : result;
    const outcome = await runCell(cell, session, stop, emit, options);
    if (outcome.status === "ok") continue;
    if (outcome.status === "error" && mayFail(cell)) continue;
    if (result === "ok") result = outcome.status;
    if (outcome.status !== "error" || !options.allowErrors) return outcome.status;
  }
  return result;
}

async function runCell(
  cell: CodeCell,
  session: CellSession,
  stop: StopRequest,
  emit: (event: RunEvent) => void,
  { input }: CellLoopOptions,
): Promise<ExecuteOutcome> {
  const cellId = cell.id;
  let ended = false;
  const report = (event: SessionEvent): void => {
    if (!ended) emit({ type: "cellEvent", cellId, event });
  };
  emit({ type: "cellStarted", cellId, time: Date.now() });
  const outcome = await Promise.race([
    executeCell(cell, session, report, input),
    // The cell did not answer the interrupt; whoever ends the run ends its executor.
    stop.abandoned.then((): ExecuteOutcome => ({ status: "interrupted", executionCount: 0 })),
  ]);
  ended = true;
  emit({ type: "cellEnded", cellId, time: Date.now(), outcome });
  return outcome;
}

async function executeCell(
  cell: CodeCell,
  session: CellSession,
  report: (event: SessionEvent) => void,
  input: ExecuteRequest["input"],
): Promise<ExecuteOutcome> {
  // Like every Jupyter client: a cell without code is neither executed nor counted.
  if (cell.source.trim() === "") return { status: "ok", executionCount: 0 };
  try {
    return await session.execute({ code: cell.source, id: cell.id, input }, report);
  } catch (cause) {
    // The session itself failed; the cell did not run to its end.
    const error = kernelFault(cause);
    report({ type: "error", error });
    return { status: "died", executionCount: 0, error };
  }
}
