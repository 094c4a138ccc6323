import type { MimeBundle } from "../../src/host.js";
import type { CommContent } from "../channel/messages.js";

/**
 * What a session reports while a cell runs, in the order in which it happened. All events of a cell arrive before
 * its `execute()` call resolves. Jupyter messages, the headless runner's notebook and its terminal view are all
 * made from these.
 */
export type SessionEvent =
  | { type: "stream"; name: "stdout" | "stderr"; text: string }
  /** `pager`: help that was asked for, which a client with a pager shows there. */
  | {
      type: "display";
      data: MimeBundle;
      metadata: Record<string, unknown>;
      displayId?: string;
      pager?: boolean;
    }
  | { type: "updateDisplay"; data: MimeBundle; metadata: Record<string, unknown>; displayId: string }
  | { type: "clearOutput"; wait: boolean }
  | { type: "result"; data: MimeBundle; metadata: Record<string, unknown>; executionCount: number }
  | { type: "error"; error: CellError }
  /** For the front end's side of a comm. */
  | ({ type: "comm"; buffers: readonly Uint8Array[] } & CommContent);

/** What a sink returns for an output: a promise is waited for before cells may produce more, anything else is not. */
export type Emission = unknown;

/** Takes the events of a cell, in order. */
export type EventSink = (event: SessionEvent) => Emission;

export interface CellError {
  /** Class of the error, for example "TypeError"; "KernelInterrupt" and "ExecutorDied" are moelab's own. */
  name: string;
  message: string;
  /** Lines ready to print; frames of user code name their cell and TypeScript line. */
  traceback: string[];
}

/** How a cell ended. Never "ok" for a cell that did not run to its end. */
export type CellStatus = "ok" | "error" | "interrupted" | "died";

export interface ExecuteRequest {
  code: string;
  /** Identity of the cell, given back with what it outputs after it has ended; default {@link cellName}. */
  id?: string;
  /** Cells of one lane run one after another, those of different lanes side by side. Default: the main lane. */
  lane?: string;
  /** Called when the cell's turn has come, with its execution count, before any event. */
  onStart?: (executionCount: number) => void;
  /** Names the cell in tracebacks; default `cell-<executionCount>`. */
  cellName?: string;
  /** The code is plain TypeScript: magics in it are errors. Default false. */
  plain?: boolean;
  /** Runs without events other than streams, without counting and without history. Default false. */
  silent?: boolean;
  /** Counts the execution. Default true. */
  storeHistory?: boolean;
  /** Name → JavaScript expression, evaluated after a cell that succeeded. Default none. */
  userExpressions?: Record<string, string>;
  /** Answers the cell's `input()`; absent when nobody can. */
  input?: (prompt: string, password: boolean) => Promise<string | null>;
}

/** A message of the front end for the executor's side of a comm. */
export interface CommRequest extends CommContent {
  /** Identity of the message, given back with what it sets off later. */
  id: string;
  buffers: readonly Uint8Array[];
}

export interface ExecuteOutcome {
  status: CellStatus;
  executionCount: number;
  error?: CellError;
  /** The cell died because its code called `process.exit` with this. */
  exitCode?: number;
  /** The value of each of the request's expressions, or why it has none. */
  userExpressions?: Record<string, ExpressionOutcome>;
}

export type ExpressionOutcome =
  | { status: "ok"; data: MimeBundle; metadata: Record<string, unknown> }
  | ({ status: "error" } & CellError);
