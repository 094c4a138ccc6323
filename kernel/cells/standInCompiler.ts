import { CompilerProcess } from "./compilerProcess.js";
import type { CompilerMethod, CompilerReply, CompilerSettings, CompilerState } from "./compilerRequests.js";

/** A stand-in that nobody asked for so long ends, in milliseconds. */
const idleTime = 60_000;

interface Waiting {
  resolve(value: any): void;
  reject(fault: Error): void;
}

/**
 * A second compiler process that answers questions while the first one checks a long cell. It knows what the first one
 * knew when it was asked, and ends when it is not needed any more.
 */
export class StandInCompiler {
  readonly #settings: CompilerSettings;
  readonly #waiting = new Map<number, Waiting>();
  #process: CompilerProcess | null = null;
  #state: CompilerState | undefined;
  #requests = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(settings: CompilerSettings) {
    this.#settings = settings;
  }

  /** Starts the process, if there is none, so that the first question does not wait for that. */
  prepare(state: CompilerState | undefined): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.stop(), idleTime).unref();
    this.#process ??= new CompilerProcess(this.#settings, "whole", {
      reply: (reply) => this.#receive(reply),
      ended: (cause) => this.#ended(cause),
    });
    if (!state || state === this.#state) return;
    this.#state = state;
    this.#send("restore", [state]).catch(() => {});
  }

  /** Rejects when the process ends before it has answered. */
  ask(state: CompilerState | undefined, method: CompilerMethod, parameters: unknown[]): Promise<any> {
    this.prepare(state);
    return this.#send(method, parameters);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const stopped = this.#process;
    this.#ended("it was stopped");
    await stopped?.stop();
  }

  #send(method: CompilerMethod, parameters: unknown[]): Promise<any> {
    const id = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process!.send(`${JSON.stringify({ id, method, parameters })}\n`);
    });
  }

  #receive(reply: CompilerReply): void {
    if ("ready" in reply) return;
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("fault" in reply) waiting?.reject(new Error(reply.fault));
    else waiting?.resolve(reply.value);
  }

  #ended(cause: string): void {
    this.#process = null;
    this.#state = undefined;
    for (const { reject } of this.#waiting.values()) reject(new Error(cause));
    this.#waiting.clear();
  }
}
