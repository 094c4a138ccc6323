import type { CellNumber } from "../channel/messages.js";

/** What a session is about to do or does; everything else about it follows from the events of its cells. */
export interface SessionState {
  /** Counts executors: it grows when one dies or the session restarts. */
  readonly executor: { readonly generation: number; readonly phase: "none" | "starting" | "ready" };
  /** The number that the next counted cell gets is one more. */
  readonly executionCount: number;
  /** Numbers every execution, counted or not, and the messages of the front end. */
  readonly lastCell: CellNumber;
  /** At most one of each lane, in the order in which they started. */
  readonly running: readonly RunningCell[];
}

export interface RunningCell {
  readonly cell: CellNumber;
  readonly lane: string;
  readonly phase: "compiling" | "executing";
}

export type SessionChange =
  | { type: "executorStarting" }
  | { type: "executorReady" }
  | { type: "executorEnded" }
  | { type: "cellCompiling"; lane: string; counted: boolean }
  | { type: "cellExecuting"; cell: CellNumber }
  | { type: "cellEnded"; cell: CellNumber }
  /** A message of the front end, numbered as a cell is. */
  | { type: "commDelivered" }
  | { type: "restarted" };

export const initialState: SessionState = {
  executor: { generation: 0, phase: "none" },
  executionCount: 0,
  lastCell: 0,
  running: [],
};

export function nextState(state: SessionState, change: SessionChange): SessionState {
  const { executor } = state;
  switch (change.type) {
    case "executorStarting":
      return { ...state, executor: { generation: executor.generation + 1, phase: "starting" } };
    case "executorReady":
      return { ...state, executor: { ...executor, phase: "ready" } };
    case "executorEnded":
      return { ...state, executor: { ...executor, phase: "none" } };
    case "cellCompiling": {
      const cell = state.lastCell + 1;
      const executionCount = state.executionCount + (change.counted ? 1 : 0);
      const running = [...state.running, { cell, lane: change.lane, phase: "compiling" } as const];
      return { ...state, executionCount, lastCell: cell, running };
    }
    case "cellExecuting": {
      const running = state.running.map((each) =>
        each.cell === change.cell ? ({ ...each, phase: "executing" } as const) : each,
      );
      return { ...state, running };
    }
    case "cellEnded":
      return { ...state, running: state.running.filter(({ cell }) => cell !== change.cell) };
    case "commDelivered":
      return { ...state, lastCell: state.lastCell + 1 };
    case "restarted":
      return { ...state, executionCount: 0 };
  }
}
