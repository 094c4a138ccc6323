import { randomUUID } from "node:crypto";
import { type Comm, type CommMessage, host } from "../host.js";
import { prepareFrontEnd } from "./control.js";
import { closed, opened, type Part } from "./part.js";
import { Throttle } from "./throttle.js";
import { type BufferPath, putBuffers, withoutBuffers } from "./wireState.js";

/** The target of widgets in the front end, and the version of the protocol they speak. */
const target = "jupyter.widget";
const protocolVersion = "2.1.0";

/** What the front end says. */
interface Hearing {
  /** It changed these parts of the state. */
  changed(wire: Record<string, unknown>): void;
  /** A message that is no state. */
  custom(content: Record<string, unknown>): void;
}

/** A widget's way to its models and views in the front end; not there before it is first needed. */
export class Link {
  readonly #part: Part;
  readonly #hearing: Hearing;
  readonly #throttle = new Throttle(() => this.#sendUnsent());
  /** Names of the state, as it travels, whose value the front end does not have yet. */
  readonly #unsent = new Set<string>();
  #comm: Comm | null = null;
  #id = "";

  constructor(part: Part, hearing: Hearing) {
    this.#part = part;
    this.#hearing = hearing;
  }

  /** The id under which the front end knows the widget, which it tells it at the first call; null without front end. */
  open(): string | null {
    const { comms } = host();
    if (!comms) return null;
    if (this.#comm) return this.#id;
    this.#id = randomUUID().replaceAll("-", "");
    const { state, bufferPaths, buffers } = withoutBuffers(this.#part.wireState());
    const extras = { id: this.#id, metadata: { version: protocolVersion }, buffers };
    this.#comm = comms.open(target, { state, buffer_paths: bufferPaths }, extras);
    this.#unsent.clear();
    this.#comm.onMessage((message) => this.#receive(message));
    this.#comm.onClose(() => this.#forget());
    opened(this.#id, this.#part);
    prepareFrontEnd(comms);
    return this.#id;
  }

  /** Sends these parts of the state, soon. */
  send(names: Iterable<string>): void {
    if (!this.#comm) return;
    for (const name of names) this.#unsent.add(name);
    if (this.#unsent.size > 0) this.#throttle.request();
  }

  flush(): void {
    if (this.#unsent.size > 0) this.#throttle.flush();
  }

  sendCustom(content: Record<string, unknown>): void {
    this.flush();
    this.#comm?.send({ method: "custom", content });
  }

  close(): void {
    this.#comm?.close();
    this.#forget();
  }

  #receive({ data, buffers }: CommMessage): void {
    switch (data.method) {
      case "update":
        this.#update(
          data.state as Record<string, unknown>,
          (data.buffer_paths ?? []) as BufferPath[],
          buffers,
        );
        break;
      case "request_state":
        this.#sendState(this.#part.wireState());
        break;
      case "custom":
        this.#hearing.custom((data.content ?? {}) as Record<string, unknown>);
        break;
    }
  }

  /** All pages are told of it; the one that made the change takes that for its confirmation. */
  #update(
    state: Record<string, unknown>,
    paths: readonly BufferPath[],
    buffers: readonly Uint8Array[],
  ): void {
    this.#comm?.send({ method: "echo_update", state, buffer_paths: paths }, { buffers });
    for (const name of Object.keys(state)) this.#unsent.delete(name);
    const wire = structuredClone(state);
    putBuffers(wire, paths, buffers);
    this.#hearing.changed(wire);
  }

  /** Returns the length of what was sent. */
  #sendUnsent(): number {
    const wire = this.#part.wireState();
    const parts = [...this.#unsent].map((name) => [name, wire[name]]);
    this.#unsent.clear();
    return this.#sendState(Object.fromEntries(parts));
  }

  #sendState(wire: Record<string, unknown>): number {
    const comm = this.#comm;
    if (!comm || comm.closed) return 0;
    const { state, bufferPaths, buffers } = withoutBuffers(wire);
    comm.send({ method: "update", state, buffer_paths: bufferPaths }, { buffers });
    return JSON.stringify(state).length;
  }

  #forget(): void {
    this.#throttle.cancel();
    this.#unsent.clear();
    closed(this.#id);
    this.#comm = null;
  }
}
