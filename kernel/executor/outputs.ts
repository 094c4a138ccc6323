import { writeSync } from "node:fs";
import type { ToKernel } from "../channel/messages.js";
import { endOfCellMark } from "./nativeMark.js";
import type { SharedState } from "./sharedState.js";
import type { ToControl } from "./threads.js";

/** How long a full pipe may delay the end of a cell, in milliseconds. */
const longestWait = 500;

/** The main thread's way out: everything in the order in which it happens. */
export class Outputs {
  readonly #post: (message: ToControl) => void;
  readonly #shared: SharedState;
  readonly #identity: string;

  constructor(post: (message: ToControl) => void, shared: SharedState, identity: string) {
    this.#post = post;
    this.#shared = shared;
    this.#identity = identity;
  }

  /** Blocks while too much text is under way. */
  write(cell: number, name: "stdout" | "stderr", text: string): void {
    this.#post([cell, name, text]);
    this.#shared.addUnsentText(text.length);
  }

  /** Throws a TypeError for what JSON cannot express, such as a bigint in a bundle. */
  send(message: ToKernel): void {
    this.#post(JSON.stringify(message));
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
