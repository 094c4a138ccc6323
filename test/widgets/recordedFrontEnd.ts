import { afterEach } from "vitest";
import {
  type Comm,
  type CommMessage,
  type Comms,
  type Host,
  type HostOutput,
  hostKey,
} from "../../src/host.js";

type Listener = (message: CommMessage) => void;

export interface Sent {
  id: string;
  action: "open" | "message" | "close";
  data: any;
  metadata: Record<string, unknown>;
  buffers: Uint8Array[];
}

/** A front end that records what it is told and says what a test wants it to say. */
export class RecordedFrontEnd {
  readonly sent: Sent[] = [];
  /** Outputs that were not captured. */
  readonly outputs: HostOutput[] = [];
  readonly #comms = new Map<string, Record<"message" | "close", Set<Listener>>>();
  readonly #takers = new Map<string, (comm: Comm, message: CommMessage) => void>();
  readonly #captures: ((output: HostOutput) => void)[] = [];
  readonly #endListeners: (() => void)[] = [];

  /** Stands in for a notebook until the test ends. */
  install(): this {
    const output = (given: HostOutput) =>
      (this.#captures.at(-1) ?? ((each) => this.outputs.push(each)))(given);
    const host: Host = {
      kind: "notebook",
      display: (data, { metadata = {}, displayId, update = false } = {}) =>
        output({ type: "display", data, metadata, displayId, update }),
      show: async (value) =>
        output({ type: "display", data: { "text/plain": String(value) }, metadata: {}, update: false }),
      clearOutput: (wait = false) => output({ type: "clearOutput", wait }),
      input: () => null,
      signal: new AbortController().signal,
      onTermination: () => {},
      comms: this.#host(),
      bind: (listener) => listener,
      capture: (sink, code) => {
        const release = () => void this.#captures.splice(this.#captures.indexOf(sink), 1);
        this.#captures.push(sink);
        const returned = code();
        if (returned instanceof Promise) returned.then(release, release);
        else release();
        return returned;
      },
    };
    Object.assign(globalThis, { [hostKey]: host });
    return this;
  }

  /** What code prints. */
  print(text: string): void {
    const stream: HostOutput = { type: "stream", name: "stdout", text };
    (this.#captures.at(-1) ?? ((each: HostOutput) => this.outputs.push(each)))(stream);
  }

  /** Says something on a comm. */
  say(id: string, data: Record<string, unknown>, buffers: Uint8Array[] = []): void {
    const comm = this.#comms.get(id);
    if (!comm) throw new Error(`no comm ${id} is open`);
    for (const listener of comm.message) listener({ data, metadata: {}, buffers });
  }

  /** Closes a comm. */
  close(id: string): void {
    for (const listener of this.#comms.get(id)?.close ?? [])
      listener({ data: {}, metadata: {}, buffers: [] });
    this.#comms.delete(id);
  }

  /** Opens a comm of its own. */
  open(target: string, id: string): void {
    const taker = this.#takers.get(target);
    if (!taker) throw new Error(`nobody takes comms for ${target}`);
    taker(this.#comm(target, id), { data: {}, metadata: {}, buffers: [] });
  }

  endCell(): void {
    for (const listener of this.#endListeners) listener();
  }

  /** What was sent since the last call. */
  news(): Sent[] {
    return this.sent.splice(0);
  }

  #host(): Comms {
    return {
      open: (target, data = {}, { id = crypto.randomUUID(), ...extras } = {}) => {
        this.#record(id, "open", data, extras);
        return this.#comm(target, id);
      },
      onOpen: (target, taker) => {
        this.#takers.set(target, taker);
        return () => this.#takers.delete(target);
      },
      beforeEnd: (listener) => void this.#endListeners.push(listener),
    };
  }

  #comm(target: string, id: string): Comm {
    const listeners = { message: new Set<Listener>(), close: new Set<Listener>() };
    this.#comms.set(id, listeners);
    const open = () => this.#comms.has(id);
    return {
      id,
      target,
      get closed() {
        return !open();
      },
      send: (data, extras = {}) => this.#record(id, "message", data, extras),
      close: (data = {}, extras = {}) => {
        this.#record(id, "close", data, extras);
        this.#comms.delete(id);
      },
      onMessage: (listener) => {
        listeners.message.add(listener);
        return () => listeners.message.delete(listener);
      },
      onClose: (listener) => {
        listeners.close.add(listener);
        return () => listeners.close.delete(listener);
      },
    };
  }

  /** As JSON leaves it. */
  #record(
    id: string,
    action: Sent["action"],
    data: object,
    extras: { metadata?: object; buffers?: any },
  ): void {
    const { metadata = {}, buffers = [] } = extras;
    this.sent.push({
      id,
      action,
      data: JSON.parse(JSON.stringify(data)),
      metadata: { ...metadata },
      buffers,
    });
  }
}

afterEach(() => {
  delete (globalThis as { [hostKey]?: Host })[hostKey];
});
