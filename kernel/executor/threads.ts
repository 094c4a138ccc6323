import type { MessagePort } from "node:worker_threads";
import type { ToExecutor } from "../channel/messages.js";

/** What an executor's main thread and its control worker say to each other. */

/** How the control worker starts. */
export interface ControlWorkerData {
  /** Address of the kernel process and the name it knows this executor by. */
  address: string;
  identity: string;
  shared: SharedArrayBuffer;
  /** Answers to `input` travel on a port of their own, which the main thread reads while it blocks. */
  inputAnswers: MessagePort;
}

export type ToMain =
  | Extract<ToExecutor, { type: "run" }>
  | (Extract<ToExecutor, { type: "comm" }> & { buffers: Uint8Array[] })
  /** Pings are acknowledged in the shared state once dealt with. This one aborts the signals of interrupted cells. */
  | { type: "ping"; ping: number }
  /** The main thread takes messages again: interrupted cells are to be settled, if they do not settle themselves. */
  | InterruptedMessage
  | { type: "exit"; code: number };

export interface InterruptedMessage {
  type: "interrupted";
  ping: number;
  /** The cells that are to stop. */
  cells: number[];
  /** How long they have known, in milliseconds. */
  waited: number;
  /** Code was terminated. */
  terminated: boolean;
  /** No time is left. */
  urgent: boolean;
}

/** Stream text goes as a short tuple, since there may be a hundred thousand of them; all else as finished JSON. */
export type ToControl =
  | [cell: number, name: "stdout" | "stderr", text: string]
  | string
  | { type: "comm"; json: string; buffers: Uint8Array[] }
  /** `running`: the cell is not settled. */
  | { type: "input"; cell: number; running: boolean; input: number; json: string }
  /** A cell is settled, or what a comm message set off is; `json` says how. */
  | { type: "done"; cell: number; json: string }
  /** Code of a cell started a process, and does not wait for it; `ended` when it is over. */
  | { type: "child"; pid: number; cell: number; ended: boolean }
  | { type: "exit"; code: number };

export interface InputAnswer {
  value: string | null;
  interrupted: boolean;
}
