import { writeSync } from "node:fs";
import type { HostOutput } from "../../src/host.js";
import type { CommContent, ToKernel } from "../channel/messages.js";
import type { CellRun } from "./cellRun.js";
import { endOfCellMark } from "./nativeMark.js";
import { SharedState } from "./sharedState.js";
import type { ToControl } from "./threads.js";

/** How long a full pipe may delay the end of a cell, in milliseconds. */
const longestWait = 500;

type Post = (message: ToControl, transferred?: ArrayBuffer[]) => void;

/** The main thread's way out: everything in the order in which it happens. */
export class Outputs {
  readonly #post: Post;
  readonly #shared: SharedState;
  readonly #identity: string;

  constructor(post: Post, shared: SharedState, identity: string) {
    this.#post = post;
    this.#shared = shared;
    this.#identity = identity;
  }

  /** Blocks while too much is under way, as do {@link show} and {@link sendComm}. */
  write(cell: CellRun, name: "stdout" | "stderr", text: string): void {
    if (cell.capture) {
      cell.capture({ type: "stream", name, text });
      return;
    }
    this.#post([cell.number, name, text]);
    this.#shared.addUnsent(text.length);
  }

  /** Throws as {@link send} does. */
  show(cell: CellRun, output: Exclude<HostOutput, { type: "stream" }>): void {
    if (cell.capture) cell.capture(output);
    else {
      const json = JSON.stringify({ ...output, cell: cell.number } satisfies ToKernel);
      this.#post(json);
      this.#shared.addUnsent(json.length);
    }
  }

  /** Throws a TypeError for what JSON cannot express, such as a bigint in a bundle. */
  send(message: ToKernel): void {
    this.#post(JSON.stringify(message));
  }

  /** The memory of `buffers` goes along and is gone here. Throws as {@link send} does, blocks as {@link write} does. */
  sendComm(cell: CellRun, content: CommContent, buffers: Uint8Array<ArrayBuffer>[]): void {
    const data = JSON.stringify(content.data);
    const size = Math.min(
      buffers.reduce((sum, { byteLength }) => sum + byteLength, data.length),
      SharedState.unsentLimit,
    );
    const message: ToKernel = { type: "comm", cell: cell.number, size, ...content };
    const json = JSON.stringify(message);
    const memory = buffers.map(({ buffer }) => buffer);
    if (buffers.length === 0) this.#post(json);
    else this.#post({ type: "comm", json, buffers }, memory);
    this.#shared.addUnsent(size);
  }

  /** The end of what was handed to the main thread. */
  sendDone(message: Extract<ToKernel, { type: "done" | "delivered" }>): void {
    this.#post({ type: "done", cell: message.cell, json: JSON.stringify(message) });
  }

  /** `running`: the cell is not settled. */
  askInput(message: Extract<ToKernel, { type: "input" }>, running: boolean): void {
    const { cell, input } = message;
    this.#post({ type: "input", cell, running, input, json: JSON.stringify(message) });
  }

  /** Marks on the real descriptors where the native output of a cell ends. */
  markEndOfCell(cell: number): void {
    for (const fd of [1, 2]) writeWithin(fd, endOfCellMark(this.#identity, cell));
  }
}

function writeWithin(fd: number, text: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const bytes = Buffer.from(text);
  let written = 0;
  for (let waited = 0; written < bytes.length && waited < longestWait; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (fault) {
      // A child that shares the descriptor may have made it non-blocking. Any other fault: nobody reads any more.
      if ((fault as NodeJS.ErrnoException).code !== "EAGAIN") return;
      Atomics.wait(pause, 0, 0, 5);
      waited += 5;
    }
  }
}
