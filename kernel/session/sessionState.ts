import type { CellNumber } from "../channel/messages.js";

/** What a session is about to do or does; everything else about it follows from the events of its cells. */
export interface SessionState {
  /** Counts executors: it grows when one dies or the session restarts. */
  readonly executor: { readonly generation: number; readonly phase: "none" | "starting" | "ready" };
  /** The number that the next counted cell gets is one more. */
  readonly executionCount: number;
  /** Numbers every execution, counted or not. */
  readonly lastCell: CellNumber;
  readonly running: { readonly cell: CellNumber; readonly phase: "compiling" | "executing" } | null;
}

export type SessionChange =
  | { type: "executorStarting" }
  | { type: "executorReady" }
  | { type: "executorEnded" }
  | { type: "cellCompiling"; counted: boolean }
  | { type: "cellExecuting" }
  | { type: "cellEnded" }
  | { type: "restarted" };

export const initialState: SessionState = {
  executor: { generation: 0, phase: "none" },
  executionCount: 0,
  lastCell: 0,
  running: null,
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
      return { ...state, executionCount, lastCell: cell, running: { cell, phase: "compiling" } };
    }
    case "cellExecuting":
      return state.running ? { ...state, running: { ...state.running, phase: "executing" } } : state;
    case "cellEnded":
      return { ...state, running: null };
    case "restarted":
      return { ...state, executionCount: 0 };
  }
}
