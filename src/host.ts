import { createTerminalHost } from "./terminalHost.js";

/**
 * The only thing the API knows about the place it runs in. A notebook's executor installs its own host; a plain
 * script gets a terminal one (see `terminalHost.ts`). Whoever installs a host does so before the API is used.
 */

/** Mime type → data, as in Jupyter's `display_data`: text as string, JSON as object, binary as base64. */
export type MimeBundle = Record<string, unknown>;

export interface DisplayOptions {
  /** Mime type → metadata, for example `{ "image/png": { width: 400, height: 300 } }`. */
  metadata?: Record<string, unknown>;
  /** Names the output, so that a later call with `update: true` replaces it wherever it is shown. */
  displayId?: string;
  /** Replaces the outputs that carry `displayId` instead of adding one. */
  update?: boolean;
}

export interface InputOptions {
  /** Does not echo what is typed. */
  password?: boolean;
}

/** What one side of a comm tells the other. */
export interface CommMessage {
  /** JSON. */
  data: Record<string, unknown>;
  /** JSON about the message; often empty. */
  metadata: Record<string, unknown>;
  /** Binary parts, which go beside the JSON as they are. */
  buffers: readonly Uint8Array[];
}

export interface CommExtras {
  metadata?: Record<string, unknown>;
  /** Copied when sent. */
  buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
}

/** A two-way channel between code and the front end: what widgets talk through. */
export interface Comm {
  readonly id: string;
  readonly target: string;
  /** Whether one of the sides has closed it. */
  readonly closed: boolean;
  /** @throws Error when the comm is closed, TypeError when `data` is not JSON. */
  send(data: Record<string, unknown>, extras?: CommExtras): void;
  /** Tells the front end, too; a second call does nothing. */
  close(data?: Record<string, unknown>, extras?: CommExtras): void;
  /**
   * Calls `listener` with each message of the front end, also while a cell awaits. What it throws is printed with its
   * traceback. Returns what removes it.
   */
  onMessage(listener: (message: CommMessage) => void): () => void;
  /** Calls `listener` when the front end closes the comm. Returns what removes it. */
  onClose(listener: (message: CommMessage) => void): () => void;
}

export interface BindOptions {
  /** The listener is not called any more after the cell was interrupted: what waits for it is not to go on. Default false. */
  untilInterrupted?: boolean;
}

export interface Comms {
  /** Opens a comm that `target` takes in the front end, where a name without a taker closes it again. */
  open(target: string, data?: Record<string, unknown>, extras?: CommExtras & { id?: string }): Comm;
  /**
   * Takes the comms that the front end opens for `target`; one taker a name, a later one replaces it. Returns what
   * removes it. Comms for other names are closed.
   */
  onOpen(target: string, taker: (comm: Comm, message: CommMessage) => void): () => void;
  /** Calls `listener` before a cell, or what a message set off, counts as done: for what was held back till then. */
  beforeEnd(listener: () => void): void;
}

/** What code gave out, where it is captured: see {@link Host.capture}. */
export type HostOutput =
  | { type: "stream"; name: "stdout" | "stderr"; text: string }
  | {
      type: "display";
      data: MimeBundle;
      metadata: Record<string, unknown>;
      displayId?: string;
      update: boolean;
    }
  | { type: "clearOutput"; wait: boolean };

export interface Host {
  /** "notebook": outputs reach a Jupyter front end or the headless runner. "terminal": they are printed. */
  readonly kind: "notebook" | "terminal";
  /** Shows a bundle. Outputs appear in the order of these calls, all before the cell counts as finished. */
  display(data: MimeBundle, options?: DisplayOptions): void;
  /**
   * Shows any value: its own bundle ({@link displaySymbol}), else the form that this place has for its kind, else its
   * text. The promise waits for a bundle that is still being made.
   *
   * @throws TypeError when what the value gives is no mime bundle
   */
  show(value: unknown, options?: DisplayOptions): Promise<void>;
  /** Clears the outputs of the running cell; with `wait`, only when the next output arrives. */
  clearOutput(wait?: boolean): void;
  /** Asks the user and blocks until the answer is there; null when nobody can answer. */
  input(prompt: string, options?: InputOptions): string | null;
  /**
   * Aborted when the user interrupts the running cell (each cell has a fresh one). Work that outlives one event
   * loop turn listens to it and stops at the next safe point; work without a listener is terminated.
   */
  readonly signal: AbortSignal;
  /**
   * One number in shared memory that is not 0 while the code that runs is being terminated: what long native code looks
   * at, which termination does not reach. Absent where nothing terminates code.
   */
  readonly interruptFlag?: Int32Array;
  /**
   * Calls `listener` each time running JavaScript was terminated, because it did not stop when interrupted. No `finally`
   * block ran then: what it would have put back is put back by the listener.
   */
  onTermination(listener: () => void): void;
  /** Messages to and from the front end; null where there is none, as on a terminal and in a headless run. */
  readonly comms: Comms | null;
  /** `listener` as a part of the running cell: what it outputs appears there, whenever and by whomever it is called. */
  bind<P extends unknown[]>(
    listener: (...parameters: P) => void,
    options?: BindOptions,
  ): (...parameters: P) => void;
  /**
   * Runs `code` and gives to `sink` what the running cell outputs meanwhile: until it returns or, when it returns a
   * promise, until that is settled. Output of native code and of child processes is not captured; a terminal captures
   * nothing.
   */
  capture<R>(sink: (output: HostOutput) => void, code: () => R): R;
}

/** Where the installed host is found on `globalThis`. */
export const hostKey: unique symbol = Symbol.for("moelab.host");

/** A value with a method of this name returns its own mime bundle when shown (the name Deno's kernel uses, too). */
export const displaySymbol: unique symbol = Symbol.for("Jupyter.display");

/**
 * A value with a method of this name says in a few words what it is, for lists of variables. It may be asked between any
 * two instructions of code that computes: it answers at once, changes nothing and shows nothing.
 */
export const summarySymbol: unique symbol = Symbol.for("moelab.summary");

export interface ValueSummary {
  /** One line. */
  text: string;
  tensor?: TensorSummary;
}

export interface TensorSummary {
  shape: readonly number[];
  /** By PyTorch's names, for example "bfloat16". */
  dtype: string;
  /** For example "cpu" or "cuda:0". */
  device: string;
  /** Of the elements; views that share memory count it each. */
  bytes: number;
}

/**
 * A bundle together with its metadata. A key of a bundle is a mime type and so contains "/": a value whose `data` is
 * an object is this shape, anything else is a bare bundle ({@link isDisplayData} tells them apart).
 */
export interface DisplayData {
  data: MimeBundle;
  /** As in {@link DisplayOptions.metadata}. */
  metadata?: Record<string, unknown>;
}

/** What {@link displaySymbol} methods return, directly or as a promise. */
export interface Displayable {
  [displaySymbol](): MimeBundle | DisplayData | Promise<MimeBundle | DisplayData>;
}

/** Whether a {@link displaySymbol} method gave metadata beside its bundle. */
export function isDisplayData(value: MimeBundle | DisplayData): value is DisplayData {
  return typeof value.data === "object" && value.data !== null;
}

let terminal: Host | undefined;

/** The installed host, or a terminal one for plain scripts. */
export function host(): Host {
  const installed = (globalThis as { [hostKey]?: Host })[hostKey];
  if (installed) return installed;
  terminal ??= createTerminalHost();
  return terminal;
}

/** Shows a value in a notebook's cell or on the terminal, see {@link Host.show}. */
export function display(value: unknown, options: DisplayOptions = {}): Promise<void> {
  return host().show(value, options);
}

/** The set of promises that {@link inBackground} fills, on `globalThis`, where the headless runner finds it. */
export const backgroundKey: unique symbol = Symbol.for("moelab.background");

/**
 * Tells the headless runner about work that goes on after the cell that started it: a notebook's run ends only when it
 * is done, and fails when it fails.
 */
export function inBackground(work: Promise<unknown>): void {
  const scope = globalThis as { [backgroundKey]?: Set<Promise<unknown>> };
  scope[backgroundKey] ??= new Set();
  const pending = scope[backgroundKey];
  pending.add(work);
  const settled = () => pending.delete(work);
  work.then(settled, settled);
}
