import { cellGlobal } from "../cells/cellGlobal.js";
import { CellFiles } from "./cellFiles.js";
import { type DapEvent, DapFault, type DapRequest, type DapResponse } from "./dap.js";
import type { Debuggee } from "./debuggee.js";
import { type Commands, DebugState } from "./debugState.js";
import { inspectionCommands } from "./inspectionCommands.js";
import { pausedCommands } from "./pausedCommands.js";
import type { Going, Pause } from "./pauses.js";
import { sourceCommands } from "./sourceCommands.js";
import { valueText } from "./valueText.js";

/** Cells run in one thread. */
const threadId = 1;

/** Stepping passes over what is not the user's. */
const skippedScripts = ["^node:", "/node_modules/", "/dist/kernel/", "/dist/src/"];

const capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsConditionalBreakpoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsSetExpression: true,
  supportsModulesRequest: true,
  supportsExceptionInfoRequest: true,
  supportsTerminateRequest: true,
  supportTerminateDebuggee: true,
  exceptionBreakpointFilters: [
    { filter: "uncaught", label: "Uncaught exceptions", default: false },
    { filter: "all", label: "All exceptions", default: false },
  ],
};

/** Requests that are answered whether the debugger is switched on or not. */
const always = new Set([
  "debugInfo",
  "initialize",
  "dumpCell",
  "inspectVariables",
  "richInspectVariables",
  "modules",
  "variables",
]);

/**
 * Speaks the Debug Adapter Protocol, as Jupyter extends it, for a session: its requests become commands of V8's inspector
 * in the executor. Requests are answered also while a cell computes or is paused.
 */
export class DebugAdapter {
  readonly #debuggee: Debuggee;
  readonly #state: DebugState;
  readonly #emit: (event: DapEvent) => void;
  readonly #commands: Commands;
  #started = false;
  #exceptions: "none" | "uncaught" | "all" = "none";
  /** V8 has been told all that clients asked for. */
  #configured: Promise<void> = Promise.resolve();
  #messages = 0;

  constructor(debuggee: Debuggee, emit: (event: DapEvent) => void) {
    this.#debuggee = debuggee;
    this.#emit = emit;
    this.#state = new DebugState(debuggee, {
      paused: (pause) => this.#paused(pause),
      resumed: () => this.#resumed(),
    });
    this.#commands = {
      ...sourceCommands(this.#state),
      ...pausedCommands(this.#state),
      ...inspectionCommands(this.#state),
      ...this.#lifecycle(),
      ...this.#going(),
    };
    debuggee.inspector.listener = {
      event: (method, params) => this.#event(method, params),
      lost: () => this.#lost(),
      ready: () => {
        if (this.#started) this.#configured = this.#configure();
      },
    };
  }

  /** Never rejects: what cannot be done is said in the response. */
  async answer(request: DapRequest): Promise<DapResponse> {
    const { command, seq, arguments: parameters } = request;
    const response = { seq: ++this.#messages, type: "response" as const, request_seq: seq, command };
    try {
      const carryOut = Object.hasOwn(this.#commands, command) ? this.#commands[command] : undefined;
      if (!carryOut) throw new DapFault(`moelab's debugger knows no request "${command}".`);
      if (!this.#started && !always.has(command)) {
        throw new DapFault(`"${command}" needs a debugger that is switched on: send "initialize" first.`);
      }
      const body = await carryOut(parameters ?? {});
      return { ...response, success: true, body: body ?? {} };
    } catch (fault) {
      return { ...response, success: false, message: (fault as Error).message, body: {} };
    }
  }

  #lifecycle(): Commands {
    const state = this.#state;
    return {
      debugInfo: () => ({
        isStarted: this.#started,
        hashMethod: CellFiles.hashMethod,
        hashSeed: CellFiles.hashSeed,
        tmpFilePrefix: CellFiles.prefix,
        tmpFileSuffix: CellFiles.suffix,
        breakpoints: state.breakpoints.list,
        stoppedThreads: state.pauses.current ? [threadId] : [],
        richRendering: true,
        exceptionPaths: [],
        copyToGlobals: true,
      }),
      initialize: async ({ linesStartAt1 = true, columnsStartAt1 = true }) => {
        if (!linesStartAt1 || !columnsStartAt1)
          throw new DapFault("Lines and columns are counted from 1 here.");
        if (!this.#started) {
          this.#started = true;
          this.#configured = this.#configure();
        }
        await this.#configured;
        this.#send("initialized");
        return capabilities;
      },
      attach: () => undefined,
      launch: () => undefined,
      configurationDone: () => undefined,
      threads: () => ({ threads: [{ id: threadId, name: "cells" }] }),
      setExceptionBreakpoints: async ({ filters = [] }) => {
        this.#exceptions = filters.includes("all") ? "all" : filters.length > 0 ? "uncaught" : "none";
        await this.#pauseOnExceptions();
        return undefined;
      },
      terminate: async () => {
        await this.#debuggee.interrupt();
        await this.#stop();
        return undefined;
      },
      disconnect: async ({ terminateDebuggee = false }) => {
        if (terminateDebuggee) await this.#debuggee.interrupt();
        await this.#stop();
        return undefined;
      },
    };
  }

  #going(): Commands {
    const { pauses } = this.#state;
    const go = (going: Going) => async () => {
      if (!pauses.current && going !== "pause") throw new DapFault("No cell is paused.");
      await pauses.go(going);
      return going === "resume" ? { allThreadsContinued: true } : undefined;
    };
    return {
      continue: go("resume"),
      next: go("stepOver"),
      stepIn: go("stepInto"),
      stepOut: go("stepOut"),
      pause: go("pause"),
    };
  }

  /** Tells V8 in the executor all that is to hold. */
  async #configure(): Promise<void> {
    const { inspector, scripts } = this.#debuggee;
    // Before anything else: cells that come while V8 is told wait.
    scripts.onScript = async ({ name }) => {
      await this.#configured;
      const script = this.#state.scripts.cell(name);
      if (script) await this.#state.breakpoints.bind(script);
    };
    await inspector.askAll([
      { method: "Debugger.enable" },
      { method: "Debugger.setSkipAllPauses", params: { skip: false } },
      { method: "Debugger.setBlackboxPatterns", params: { patterns: skippedScripts } },
      {
        method: "Debugger.setInstrumentationBreakpoint",
        params: { instrumentation: "beforeScriptWithSourceMapExecution" },
      },
    ]);
    await this.#pauseOnExceptions();
    for (const { source } of this.#state.breakpoints.list) {
      for (const script of this.#state.scripts.of(source)) await this.#state.breakpoints.bind(script);
    }
  }

  async #pauseOnExceptions(): Promise<void> {
    const uncaught = this.#exceptions === "uncaught";
    this.#state.pauses.onlyUncaught = uncaught;
    const state = uncaught ? "all" : this.#exceptions;
    await this.#debuggee.inspector.askAll([
      { method: "Debugger.setPauseOnExceptions", params: { state } },
      {
        method: "Runtime.evaluate",
        params: { expression: `${cellGlobal}.showUncaught(${uncaught})`, silent: true },
      },
    ]);
  }

  /** Whatever is paused goes on. */
  async #stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#exceptions = "none";
    await this.#pauseOnExceptions();
    this.#debuggee.scripts.onScript = null;
    await this.#debuggee.inspector.askAll([
      { method: "Debugger.setSkipAllPauses", params: { skip: true } },
      { method: "Debugger.resume" },
      { method: "Debugger.disable" },
    ]);
    this.#state.pauses.forget();
    this.#state.breakpoints.clear();
    this.#state.scripts.clear();
    this.#send("terminated");
  }

  #event(method: string, params: any): void {
    if (method === "Debugger.scriptParsed") this.#state.scripts.add(params);
    else this.#state.pauses.event(method, params);
  }

  #lost(): void {
    this.#state.pauses.forget();
    this.#state.breakpoints.forgetExecutor();
    this.#state.scripts.clear();
    this.#state.inspectedTree.clear();
  }

  #paused({ reason, exception }: Pause): void {
    const text = exception && valueText(exception);
    this.#send("stopped", { reason, threadId, allThreadsStopped: true, text, description: text });
  }

  #resumed(): void {
    this.#state.forgetPause();
    this.#send("continued", { threadId, allThreadsContinued: true });
  }

  #send(event: string, body: object = {}): void {
    this.#emit({ seq: ++this.#messages, type: "event", event, body });
  }
}
