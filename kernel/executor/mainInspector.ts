import { Session } from "node:inspector";
import type { InspectorAnswer, InspectorCommand, ToKernel } from "../channel/messages.js";

type InspectorEvent = Extract<ToKernel, { type: "inspectorEvent" }>;

/**
 * The control worker's session to the main thread. V8 serves it between two instructions of a cell that computes, and
 * while a cell is paused. No cell runs through it: its termination would never reach code that it runs itself.
 */
export class MainInspector {
  readonly #session = new Session();
  #paused = false;

  constructor(onEvent: (event: InspectorEvent) => void) {
    this.#session.connectToMainThread();
    this.#session.on("inspectorNotification", ({ method, params }: { method: string; params: any }) => {
      if (method === "Debugger.paused") this.#paused = true;
      if (method === "Debugger.resumed") this.#paused = false;
      // Node's own scripts, and evaluations without a name, are nobody's to debug.
      const hidden = method === "Debugger.scriptParsed" && /^$|^node:/.test(params.url);
      if (!hidden && method.startsWith("Debugger.")) onEvent({ type: "inspectorEvent", method, params });
    });
  }

  /** Whether the main thread stands at a breakpoint; code that is terminated then ends there. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Resolves when V8 has taken note, which is not when the code has ended. */
  async terminate(): Promise<void> {
    if (this.#paused) {
      const answer = await this.ask({ method: "Debugger.resume", params: { terminateOnResume: true } });
      if ("result" in answer) return;
    }
    await this.ask({ method: "Runtime.terminateExecution" });
  }

  ask({ method, params = {} }: InspectorCommand): Promise<InspectorAnswer> {
    return new Promise((resolve) => {
      try {
        this.#session.post(method as any, params as any, (fault: any, result: any) => {
          // It let everything go on, and tells nothing any more.
          if (method === "Debugger.disable") this.#paused = false;
          resolve(fault ? { fault: String(fault.message) } : { result });
        });
      } catch (fault) {
        // The session is closed.
        resolve({ fault: (fault as Error).message });
      }
    });
  }

  close(): void {
    this.#session.disconnect();
  }
}
