import { applyToNotebook, type CellOutputs, noOutputs } from "../notebook/outputModel.js";
import type { CellStatus, ExecuteOutcome, SessionEvent } from "../session/events.js";

/**
 * What happens in a headless run, in order. The executed notebook and the terminal view are both made from these.
 * Times are milliseconds since 1970.
 */
export type RunEvent =
  | { type: "runStarted"; time: number }
  | { type: "cellStarted"; cellId: string; time: number }
  | { type: "cellEvent"; cellId: string; event: SessionEvent }
  | { type: "cellEnded"; cellId: string; time: number; outcome: ExecuteOutcome }
  | { type: "runEnded"; time: number; status: CellStatus };

/** Immutable; {@link applyRunEvent} makes the next one. */
export interface RunState {
  readonly startTime?: number;
  readonly endTime?: number;
  /** How the run ended: "ok", or the status of the first cell that did not succeed. */
  readonly status?: CellStatus;
  /** By cell id; a cell that has not started is not in it. */
  readonly cells: ReadonlyMap<string, CellRun>;
  readonly outputs: ReadonlyMap<string, CellOutputs>;
}

export interface CellRun {
  readonly status: CellStatus | "running";
  readonly startTime: number;
  readonly endTime?: number;
  /** Absent when the cell was not counted: it was empty, or nobody waited for its end. */
  readonly executionCount?: number;
}

export const notStarted: RunState = { cells: new Map(), outputs: new Map() };

export function applyRunEvent(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case "runStarted":
      return { ...state, startTime: event.time };
    case "runEnded":
      return { ...state, endTime: event.time, status: event.status };
    case "cellStarted": {
      const cell: CellRun = { status: "running", startTime: event.time };
      return {
        ...state,
        cells: new Map(state.cells).set(event.cellId, cell),
        outputs: new Map(state.outputs).set(event.cellId, noOutputs),
      };
    }
    case "cellEvent":
      return { ...state, outputs: applyToNotebook(state.outputs, event.cellId, event.event) };
    case "cellEnded": {
      const { cellId, time, outcome } = event;
      const cell: CellRun = {
        status: outcome.status,
        startTime: state.cells.get(cellId)?.startTime ?? time,
        endTime: time,
        executionCount: outcome.executionCount || undefined,
      };
      return { ...state, cells: new Map(state.cells).set(cellId, cell) };
    }
  }
}
