import type { Comm, CommExtras, CommMessage, Comms } from "../../src/host.js";
import type { CommContent } from "../channel/messages.js";
import type { CellRun } from "./cellRun.js";
import type { Outputs } from "./outputs.js";

type Listener = (message: CommMessage) => unknown;
type Taker = (comm: Comm, message: CommMessage) => unknown;
type Report = (what: string, thrown: unknown) => void;
type Send = (content: CommContent, buffers: CommExtras["buffers"]) => void;

/** What the executor runs. */
interface Runs {
  readonly currentCell: CellRun;
  readonly endListeners: (() => void)[];
}

/** The comms of a notebook: opened by cells or by the front end, each known by its id to both. */
export class NotebookComms implements Comms {
  readonly #outputs: Outputs;
  readonly #runs: Runs;
  readonly #report: Report;
  readonly #comms = new Map<string, NotebookComm>();
  readonly #takers = new Map<string, Taker>();

  /** `report` shows what a listener threw, to the run that `runs` calls current. */
  constructor(outputs: Outputs, runs: Runs, report: Report) {
    this.#outputs = outputs;
    this.#runs = runs;
    this.#report = report;
  }

  open(
    target: string,
    data: Record<string, unknown> = {},
    extras: CommExtras & { id?: string } = {},
  ): NotebookComm {
    const { id = crypto.randomUUID(), metadata = {}, buffers } = extras;
    if (this.#comms.has(id)) throw new Error(`comms.open: there is an open comm with the id ${id} already.`);
    const comm = new NotebookComm(id, target, this.#send);
    this.#send({ action: "open", comm: id, target, data, metadata }, buffers);
    this.#comms.set(id, comm);
    return comm;
  }

  onOpen(target: string, taker: Taker): () => void {
    this.#takers.set(target, taker);
    return () => {
      if (this.#takers.get(target) === taker) this.#takers.delete(target);
    };
  }

  beforeEnd(listener: () => void): void {
    this.#runs.endListeners.push(() => void this.#call(listener, "listener of a cell's end"));
  }

  /** Hands a message of the front end to those who listen; runs as the delivery of that message. */
  receive({
    action,
    comm: id,
    target,
    data,
    metadata,
    buffers,
  }: CommContent & { buffers: Uint8Array[] }): void {
    const message = { data, metadata, buffers };
    if (action === "open") {
      this.#opened(id, target, message);
      return;
    }
    const comm = this.#comms.get(id);
    if (action === "close") this.#comms.delete(id);
    const listeners = comm?.hear(action) ?? [];
    for (const listener of listeners)
      this.#call(() => listener(message), `listener of the comm "${comm!.target}"`);
  }

  /** A taker that fails leaves the comm closed, as no taker does. */
  #opened(id: string, target: string, message: CommMessage): void {
    const comm = new NotebookComm(id, target, this.#send);
    const taker = this.#takers.get(target);
    this.#comms.set(id, comm);
    const taken = taker && this.#call(() => taker(comm, message), `taker of the comm "${target}"`);
    if (!taken) comm.close();
  }

  /** Whether `code` did not throw. A promise that it returns and that is rejected is reported, too. */
  #call(code: () => unknown, name: string): boolean {
    const failed = (fault: unknown) => this.#report(`Error in a ${name}`, fault);
    try {
      const returned = code();
      if (returned instanceof Promise) returned.catch(failed);
      return true;
    } catch (fault) {
      failed(fault);
      return false;
    }
  }

  readonly #send: Send = (content, buffers = []) => {
    if (content.action === "close") this.#comms.delete(content.comm);
    const copies = buffers.map(copied);
    this.#outputs.sendComm(this.#runs.currentCell, content, copies);
  };
}

class NotebookComm implements Comm {
  readonly id: string;
  readonly target: string;
  readonly #send: Send;
  readonly #listeners = { message: new Set<Listener>(), close: new Set<Listener>() };
  #closed = false;

  constructor(id: string, target: string, send: Send) {
    this.id = id;
    this.target = target;
    this.#send = send;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(data: Record<string, unknown>, { metadata = {}, buffers }: CommExtras = {}): void {
    if (this.#closed) throw new Error(`comm.send: the comm ${this.id} of "${this.target}" is closed.`);
    this.#send({ action: "message", comm: this.id, target: "", data, metadata }, buffers);
  }

  close(data: Record<string, unknown> = {}, { metadata = {}, buffers }: CommExtras = {}): void {
    if (this.#closed) return;
    this.#send({ action: "close", comm: this.id, target: "", data, metadata }, buffers);
    this.#closed = true;
  }

  onMessage(listener: Listener): () => void {
    return this.#add("message", listener);
  }

  onClose(listener: Listener): () => void {
    return this.#add("close", listener);
  }

  /** Notes what the front end did; gives those who want to know. */
  hear(action: "message" | "close"): Listener[] {
    if (action === "close") this.#closed = true;
    return [...this.#listeners[action]];
  }

  #add(action: "message" | "close", listener: Listener): () => void {
    if (typeof listener !== "function") {
      throw new TypeError(`comm: expected a function that listens, got ${typeof listener}.`);
    }
    this.#listeners[action].add(listener);
    return () => void this.#listeners[action].delete(listener);
  }
}

/** What moves to another thread must not be what the caller goes on using. */
function copied(given: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  if (given instanceof ArrayBuffer) return new Uint8Array(given.slice(0));
  if (ArrayBuffer.isView(given)) {
    return new Uint8Array(new Uint8Array(given.buffer, given.byteOffset, given.byteLength));
  }
  throw new TypeError(
    `comm: expected buffers that are ArrayBuffers, typed arrays or DataViews, got ${typeof given}.`,
  );
}
