import type { MimeBundle } from "../../src/host.js";

/**
 * Everything that a kernel process and an executor say to each other. One message is one ZeroMQ message whose first
 * frame is JSON; the frames after it are the binary parts of a comm message. Messages of one direction arrive in the
 * order in which they were sent.
 */

/** Numbers the cells of a session in the order in which they run. */
export type CellNumber = number;

/** Text form of a fault in user code, made where the error object lives. */
export interface FaultReport {
  name: string;
  message: string;
  traceback: string[];
}

export type ExpressionReport =
  | { status: "ok"; data: MimeBundle; metadata: Record<string, unknown> }
  | ({ status: "error" } & FaultReport);

/** A command of V8's inspector protocol (Chrome DevTools Protocol) to the executor's main thread. */
export interface InspectorCommand {
  method: string;
  params?: object;
}

export type InspectorAnswer = { result: any } | { fault: string };

/** What one side of a comm tells the other; the same in both directions. */
export interface CommContent {
  action: "open" | "message" | "close";
  /** Names the comm. */
  comm: string;
  /** Who is to take a comm that is opened; empty otherwise. */
  target: string;
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

/** Kernel process → executor. */
export type ToExecutor =
  | {
      type: "run";
      cell: CellNumber;
      /** File name of the cell in stack traces. */
      name: string;
      javascript: string;
      sourceMap: string;
      /** The cell as the user wrote it, for the source line in tracebacks. */
      source: string;
      /** Whether the cell's value is to be shown. */
      showsValue: boolean;
      /** Evaluated after the cell, if it succeeds; JavaScript by name. */
      expressions: Record<string, string>;
    }
  /** Stops the running cell: first by its signal, then by termination. */
  | { type: "interrupt" }
  | { type: "inputReply"; input: number; value: string | null }
  /** Answered by `inspected`, also while the main thread computes or is paused; the commands are given in their order. */
  | { type: "inspect"; request: number; commands: InspectorCommand[] }
  /** From the front end. What it sets off is numbered as a cell is, and ends with `delivered`. */
  | ({ type: "comm"; cell: CellNumber } & CommContent)
  /** So much output was handed on; the executor may produce as much again. */
  | { type: "consumed"; length: number }
  /** Leave in an orderly way: exit handlers run. */
  | { type: "shutdown" };

/** Executor → kernel process. */
export type ToKernel =
  | { type: "ready"; pid: number; nodeVersion: string }
  /**
   * Streams, displays, `clearOutput` and comm messages count against the limit of unsent output until they are `consumed`:
   * a stream with its text, all others with their JSON, in UTF-16 units.
   */
  | { type: "stream"; cell: CellNumber; name: "stdout" | "stderr"; text: string }
  | {
      type: "display";
      cell: CellNumber;
      data: MimeBundle;
      metadata: Record<string, unknown>;
      displayId?: string;
      update: boolean;
    }
  | { type: "clearOutput"; cell: CellNumber; wait: boolean }
  | { type: "result"; cell: CellNumber; data: MimeBundle; metadata: Record<string, unknown> }
  /** The executor's main thread waits for an `inputReply` with the same number. */
  | { type: "input"; cell: CellNumber; input: number; prompt: string; password: boolean }
  /** To the front end. `size` counts against the limit of unsent text, in bytes. */
  | ({ type: "comm"; cell: CellNumber; size: number } & CommContent)
  /** All that a comm message set off at once has been sent. */
  | { type: "delivered"; cell: CellNumber }
  | {
      type: "done";
      cell: CellNumber;
      status: "ok" | "error" | "interrupted";
      fault?: FaultReport;
      expressions: Record<string, ExpressionReport>;
    }
  | { type: "inspected"; request: number; answers: InspectorAnswer[] }
  /** What V8's debugger tells; only while it is enabled. */
  | { type: "inspectorEvent"; method: string; params: any }
  /** The executor ends because user code called `process.exit`. */
  | { type: "exiting"; code: number };
