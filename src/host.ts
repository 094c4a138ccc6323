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
   * Calls `listener` each time running JavaScript was terminated, because it did not stop when interrupted. No `finally`
   * block ran then: what it would have put back is put back by the listener.
   */
  onTermination(listener: () => void): void;
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
