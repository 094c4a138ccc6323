import type { Breakpoints } from "./breakpoints.js";
import type { Debuggee } from "./debuggee.js";
import { type CallFrame, type Frame, frameOf, isOutermost } from "./frames.js";
import type { InspectorLink } from "./inspectorLink.js";
import type { RemoteObject } from "./remoteObject.js";
import type { Script, Scripts } from "./scripts.js";

/** The executor's main thread stands still. */
export interface Pause {
  /** In the words of the Debug Adapter Protocol. */
  reason: "breakpoint" | "step" | "exception" | "pause";
  /** Innermost first; at least one. */
  frames: Frame[];
  exception?: RemoteObject;
}

/** `Debugger.paused`; only what is read here. */
interface Paused {
  reason: string;
  data?: RemoteObject & { scriptId?: string; uncaught?: boolean };
  callFrames: CallFrame[];
  hitBreakpoints?: string[];
}

export interface PauseListener {
  paused(pause: Pause): void;
  /** It runs again; only after {@link paused}. */
  resumed(): void;
}

/** Ways to go on; a step ends in the user's code or not at all. */
export type Going = "resume" | "stepOver" | "stepInto" | "stepOut" | "pause";

/** Steps through code of others before what was stepped into is left to run. */
const mostHiddenSteps = 50;

/** Turns V8's pauses into those that a user sees: nobody stops in code that is not theirs. */
export class Pauses {
  readonly #debuggee: Debuggee;
  readonly #inspector: InspectorLink;
  readonly #scripts: Scripts;
  readonly #breakpoints: Breakpoints;
  readonly #listener: PauseListener;
  /** V8 pauses wherever something is thrown. Stop only where nothing catches it. */
  onlyUncaught = false;
  #current: Pause | null = null;
  #going: Going = "resume";
  #hiddenSteps = 0;

  constructor(debuggee: Debuggee, scripts: Scripts, breakpoints: Breakpoints, listener: PauseListener) {
    this.#debuggee = debuggee;
    this.#inspector = debuggee.inspector;
    this.#scripts = scripts;
    this.#breakpoints = breakpoints;
    this.#listener = listener;
  }

  get current(): Pause | null {
    return this.#current;
  }

  async go(going: Going): Promise<void> {
    this.#going = going;
    this.#hiddenSteps = 0;
    await this.#inspector.ask(`Debugger.${going}`);
  }

  event(method: string, params: any): void {
    if (method === "Debugger.resumed") this.forget();
    if (method === "Debugger.paused") void this.#paused(params);
  }

  /** There is nothing to be resumed any more. */
  forget(): void {
    if (!this.#current) return;
    this.#current = null;
    this.#listener.resumed();
  }

  async #paused({ reason, data, callFrames, hitBreakpoints = [] }: Paused): Promise<void> {
    if (reason === "instrumentation") return this.#enter(data?.scriptId);
    const shown = callFrames.map((call) => frameOf(call, this.#scripts));
    const frames = shown.filter((frame) => frame !== undefined);
    const thrown = reason === "exception" || reason === "promiseRejection";
    if (thrown && this.onlyUncaught && !data?.uncaught && !(await this.#endsCell(shown))) {
      return this.#onwards(false);
    }
    const stepping = !thrown && hitBreakpoints.length === 0 && this.#going.startsWith("step");
    if (frames.length === 0 || (stepping && !shown[0])) return this.#onwards(frames.length > 0);
    const asked = this.#going;
    this.#going = "resume";
    this.#current = {
      reason: thrown ? "exception" : stepping ? "step" : asked === "pause" ? "pause" : "breakpoint",
      frames,
      exception: thrown ? data : undefined,
    };
    this.#listener.paused(this.#current);
  }

  /**
   * Whether what the cell itself throws behind an `await`, or a function that it calls there, ends the cell: V8 takes the
   * inspector, which waits for the cell, for somebody who catches it.
   */
  async #endsCell(frames: (Frame | undefined)[]): Promise<boolean> {
    const end = frames.findIndex((frame) => frame && isOutermost(frame.call));
    const inside = frames.slice(0, end + 1);
    // Code that is not the user's may catch it.
    if (end < 0 || !inside.every((frame) => frame !== undefined)) return false;
    const guarded = await Promise.all(
      inside.map(({ script, place }) => this.#debuggee.isGuarded(script.source ?? "", [place])),
    );
    return !guarded.includes(true);
  }

  /** Out of code that is not the user's, to the user's that called it. */
  async #onwards(called: boolean): Promise<void> {
    const step = called && this.#hiddenSteps++ < mostHiddenSteps;
    // What was asked for has nothing to happen in any more.
    if (!step) this.#going = "resume";
    await this.#inspector.askAll([{ method: step ? "Debugger.stepOut" : "Debugger.resume" }]);
  }

  /** A script with a source map is about to run for the first time. */
  async #enter(scriptId = ""): Promise<void> {
    const script: Script | undefined = this.#scripts.find(scriptId);
    if (script) await this.#breakpoints.bind(script);
    const going = this.#going.startsWith("step") ? this.#going : "resume";
    await this.#inspector.askAll([{ method: `Debugger.${going}` }]);
  }
}
