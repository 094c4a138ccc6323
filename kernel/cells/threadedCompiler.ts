import { Worker } from "node:worker_threads";
import type { DividedCell } from "../magics/cellParts.js";
import type {
  CellCompiler,
  CompileOptions,
  CompileOutcome,
  Completeness,
  CompletionResult,
  Inspection,
} from "./compiler.js";
import type { CompilerMethod, CompilerReply, CompilerSettings } from "./compilerRequests.js";

interface Waiting {
  resolve(value: any): void;
  reject(fault: Error): void;
}

/**
 * The cell compiler in a thread of its own, which starts to warm up at once: completions and checks never wait for
 * the protocol, nor the protocol for them.
 */
export class ThreadedCompiler implements CellCompiler {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #requests = 0;
  #fault: Error | null = null;

  constructor(settings: CompilerSettings) {
    this.#worker = new Worker(new URL("./compilerThread.js", import.meta.url), { workerData: settings });
    this.#worker.on("message", (reply: CompilerReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("fault" in reply) waiting?.reject(new Error(`The cell compiler failed: ${reply.fault}`));
      else waiting?.resolve(reply.value);
    });
    this.#worker.on("error", (fault) => this.#stop(new Error(`The cell compiler stopped: ${fault.message}`)));
    this.#worker.on("exit", () => this.#stop(new Error("The cell compiler is closed.")));
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
    await this.#worker.terminate();
  }

  #ask(method: CompilerMethod, ...parameters: unknown[]): Promise<any> {
    if (this.#fault) return Promise.reject(this.#fault);
    const id = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, parameters });
    });
  }

  #stop(fault: Error): void {
    this.#fault ??= fault;
    for (const { reject } of this.#waiting.values()) reject(this.#fault);
    this.#waiting.clear();
  }
}
