import { Breakpoints } from "./breakpoints.js";
import { CellFiles } from "./cellFiles.js";
import { DapFault } from "./dap.js";
import type { Debuggee } from "./debuggee.js";
import { type Frame, FrameScopes } from "./frames.js";
import { type PauseListener, Pauses } from "./pauses.js";
import { Scripts } from "./scripts.js";
import { VariableTree } from "./variableTree.js";

/** V8 keeps what a client looked at under these names: until the executor goes on, and until the next look. */
const pausedObjects = "moelab.paused";
const inspectedObjects = "moelab.inspected";

/** What the requests of a debugger work on. */
export class DebugState {
  readonly debuggee: Debuggee;
  readonly files = new CellFiles();
  readonly scripts: Scripts;
  readonly breakpoints: Breakpoints;
  readonly pauses: Pauses;
  /** What can be opened as long as the executor is paused. */
  readonly pausedTree: VariableTree;
  readonly scopes: FrameScopes;
  /** What can be opened of the variables of cells, paused or not. */
  readonly inspectedTree: VariableTree;
  readonly #frames = new Map<number, Frame>();
  #frameNumbers = 0;

  constructor(debuggee: Debuggee, listener: PauseListener) {
    this.debuggee = debuggee;
    this.scripts = new Scripts(this.files, debuggee.scripts);
    this.breakpoints = new Breakpoints(debuggee, this.files, this.scripts);
    this.pauses = new Pauses(debuggee, this.scripts, this.breakpoints, listener);
    this.pausedTree = new VariableTree(debuggee.inspector, pausedObjects);
    this.scopes = new FrameScopes(debuggee.inspector, this.pausedTree, pausedObjects);
    this.inspectedTree = new VariableTree(debuggee.inspector, inspectedObjects);
  }

  readonly pausedObjects = pausedObjects;
  readonly inspectedObjects = inspectedObjects;

  /** A new number at each call: a client that gets a known one takes what it shows for current. */
  numberFrame(frame: Frame): number {
    this.#frames.set(++this.#frameNumbers, frame);
    return this.#frameNumbers;
  }

  /** @throws DapFault when the executor went on since */
  frame(number: number): Frame {
    const frame = this.#frames.get(number);
    if (!frame) throw new DapFault(`There is no frame ${number}: the cell has gone on since.`);
    return frame;
  }

  /** The executor went on, or ended: what was seen of its pause is no more. */
  forgetPause(): void {
    this.#frames.clear();
    this.pausedTree.clear();
    void this.debuggee.inspector.askAll([
      { method: "Runtime.releaseObjectGroup", params: { objectGroup: pausedObjects } },
    ]);
  }

  forgetInspected(): void {
    this.inspectedTree.clear();
    void this.debuggee.inspector.askAll([
      { method: "Runtime.releaseObjectGroup", params: { objectGroup: inspectedObjects } },
    ]);
  }
}

/** Answers one request; what it gives is the body of the response. */
export type Command = (parameters: any) => object | undefined | Promise<object | undefined>;
export type Commands = Readonly<Record<string, Command>>;
