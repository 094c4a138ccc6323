import type { Breakpoints } from "./breakpoints.js";
import { type CallFrame, type Frame, frameOf } from "./frames.js";
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
  data?: RemoteObject & { scriptId?: string };
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
  readonly #inspector: InspectorLink;
  readonly #scripts: Scripts;
  readonly #breakpoints: Breakpoints;
  readonly #listener: PauseListener;
  #current: Pause | null = null;
  #going: Going = "resume";
  #hiddenSteps = 0;

  constructor(inspector: InspectorLink, scripts: Scripts, breakpoints: Breakpoints, listener: PauseListener) {
    this.#inspector = inspector;
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

  /** Out of code that is not the user's, to the user's that called it. */
  async #onwards(called: boolean): Promise<void> {
    const step = called && this.#hiddenSteps++ < mostHiddenSteps;
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
