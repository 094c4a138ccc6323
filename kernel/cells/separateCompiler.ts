import type { DividedCell } from "../magics/cellParts.js";
import type {
  CellCompiler,
  CompileOptions,
  CompileOutcome,
  Completeness,
  CompletionResult,
  Inspection,
} from "./compiler.js";
import { CompilerProcess } from "./compilerProcess.js";
import type { CompilerMethod, CompilerReply, CompilerSettings, CompilerState } from "./compilerRequests.js";
import { buildImageInBackground } from "./image/backgroundBuild.js";

interface Waiting {
  line: string;
  resolve(value: any): void;
  reject(fault: Error): void;
}

/**
 * The cell compiler in a process of its own, which starts to warm up at once: completions and checks never wait for
 * the protocol, nor the protocol for them. A process that dies is replaced by one that knows the same declarations.
 */
export class SeparateCompiler implements CellCompiler {
  readonly #settings: CompilerSettings;
  readonly #waiting = new Map<number, Waiting>();
  #process: CompilerProcess | null;
  #state: CompilerState | undefined;
  #requests = 0;
  #closed = false;

  constructor(settings: CompilerSettings) {
    this.#settings = settings;
    this.#process = this.#start(true);
  }

  /** Process id of the compiler; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  compile(code: string, cellName: string, options?: CompileOptions): Promise<CompileOutcome> {
    return this.#ask("compile", code, cellName, options);
  }

  complete(code: string, cursor: number): Promise<CompletionResult> {
    return this.#ask("complete", code, cursor);
  }

  inspect(code: string, cursor: number): Promise<Inspection | null> {
    return this.#ask("inspect", code, cursor);
  }

  isComplete(code: string): Promise<Completeness> {
    return this.#ask("isComplete", code);
  }

  divide(code: string): Promise<DividedCell> {
    return this.#ask("divide", code);
  }

  toJavaScript(code: string): Promise<string> {
    return this.#ask("toJavaScript", code);
  }

  codeLines(code: string): Promise<number[]> {
    return this.#ask("codeLines", code);
  }

  lookFrom(directory?: string): Promise<void> {
    return this.#ask("lookFrom", directory);
  }

  reset(): Promise<void> {
    return this.#ask("reset");
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#fail("The cell compiler is closed.");
    await this.#process?.stop();
  }

  #start(useImage: boolean): CompilerProcess {
    const started = new CompilerProcess(this.#settings, useImage, {
      reply: (reply) => this.#receive(reply, started.image !== undefined),
      ended: (cause, wasReady) => this.#ended(cause, wasReady),
    });
    if (this.#state) started.send(requestLine(++this.#requests, "restore", [this.#state]));
    return started;
  }

  #receive(reply: CompilerReply, fromImage: boolean): void {
    if ("ready" in reply) {
      if (reply.outdated || !fromImage) buildImageInBackground();
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("fault" in reply) {
      waiting?.reject(new Error(`The cell compiler failed: ${reply.fault}`));
      return;
    }
    if (reply.state) this.#state = reply.state;
    waiting?.resolve(reply.value);
  }

  #ended(cause: string, wasReady: boolean): void {
    const failed = this.#process;
    this.#process = null;
    if (this.#closed) return;
    if (!wasReady && failed?.image) {
      // The image does not fit this machine; all that was asked is asked again.
      this.#process = this.#start(false);
      for (const { line } of this.#waiting.values()) this.#process.send(line);
      return;
    }
    this.#fail(
      `The cell compiler stopped: ${cause}\nIt starts anew with what earlier cells declared; run the cell again.`,
    );
    // One that could not even start is tried again with the next request, or it would be started for ever.
    if (wasReady) this.#process = this.#start(true);
  }

  #ask(method: CompilerMethod, ...parameters: unknown[]): Promise<any> {
    if (this.#closed) return Promise.reject(new Error("The cell compiler is closed."));
    const id = ++this.#requests;
    const line = requestLine(id, method, parameters);
    return new Promise((resolve, reject) => {
      this.#process ??= this.#start(true);
      this.#waiting.set(id, { line, resolve, reject });
      this.#process.send(line);
    });
  }

  #fail(message: string): void {
    const fault = new Error(message);
    for (const { reject } of this.#waiting.values()) reject(fault);
    this.#waiting.clear();
  }
}

function requestLine(id: number, method: CompilerMethod, parameters: unknown[]): string {
  return `${JSON.stringify({ id, method, parameters })}\n`;
}
