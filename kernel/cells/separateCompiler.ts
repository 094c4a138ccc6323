import type { DividedCell } from "../magics/cellParts.js";
import type {
  CellCompiler,
  CellPosition,
  CompileOptions,
  CompileOutcome,
  Completeness,
  CompletionResult,
  Inspection,
} from "./compiler.js";
import { CompilerProcess } from "./compilerProcess.js";
import type { CompilerMethod, CompilerReply, CompilerSettings, CompilerState } from "./compilerRequests.js";
import { buildImageInBackground } from "./image/backgroundBuild.js";
import { StandInCompiler } from "./standInCompiler.js";

/** So long a check goes on before a stand-in starts, in milliseconds. */
const longCheck = 300;
/** So long a check that is to be given up may still take to end by itself, in milliseconds. */
const cancelPatience = 150;
/** So long a question waits for a check to end, in milliseconds. */
const questionPatience = 60;

interface Waiting {
  method: CompilerMethod;
  line: string;
  resolve(value: any): void;
  reject(fault: Error): void;
}

/**
 * The cell compiler in a process of its own, which starts to warm up at once: completions and checks never wait for
 * the protocol, nor the protocol for them, and completions not for a check that takes long. A process that dies is
 * replaced by one that knows the same declarations.
 */
export class SeparateCompiler implements CellCompiler {
  readonly #settings: CompilerSettings;
  readonly #waiting = new Map<number, Waiting>();
  #process: CompilerProcess | null;
  #state: CompilerState | undefined;
  #requests = 0;
  #closed = false;
  /** Cells that are being checked. */
  readonly #checks = new Set<Promise<CompileOutcome>>();
  /** Answers questions meanwhile, if that takes long. */
  readonly #standIn: StandInCompiler;

  constructor(settings: CompilerSettings) {
    this.#settings = settings;
    this.#standIn = new StandInCompiler(settings);
    this.#process = this.#start(true);
  }

  /** Process id of the compiler; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async compile(code: string, cellName: string, options?: CompileOptions): Promise<CompileOutcome> {
    const check = this.#ask("compile", code, cellName, options);
    this.#checks.add(check);
    const takesLong = setTimeout(() => this.#standIn.prepare(this.#state), longCheck);
    try {
      return await check;
    } finally {
      clearTimeout(takesLong);
      this.#checks.delete(check);
    }
  }

  complete(code: string, cursor: number): Promise<CompletionResult> {
    return this.#question("complete", code, cursor);
  }

  inspect(code: string, cursor: number): Promise<Inspection | null> {
    return this.#question("inspect", code, cursor);
  }

  isComplete(code: string): Promise<Completeness> {
    return this.#question("isComplete", code);
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

  isGuarded(code: string, places: CellPosition[]): Promise<boolean> {
    return this.#ask("isGuarded", code, places);
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
    await Promise.all([this.#process?.stop(), this.#standIn.stop()]);
  }

  #start(useImage: boolean): CompilerProcess {
    const started = new CompilerProcess(this.#settings, useImage, {
      reply: (reply) => {
        if (started === this.#process) this.#receive(reply, started.image !== undefined);
      },
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

  async cancelChecks(): Promise<void> {
    const checks = [...this.#checks];
    await Promise.race([Promise.allSettled(checks), pause(cancelPatience)]);
    if (this.#closed || !checks.some((check) => this.#checks.has(check))) return;
    void this.#process?.stop();
    const fresh = this.#start(true);
    this.#process = fresh;
    for (const [id, { line, method, reject }] of this.#waiting) {
      if (method !== "compile") fresh.send(line);
      else {
        this.#waiting.delete(id);
        reject(new Error("The check of the cell was given up."));
      }
    }
  }

  /** What the user waits for at the keyboard: it is not kept waiting by a check that takes long. */
  async #question(method: CompilerMethod, ...parameters: unknown[]): Promise<any> {
    if (this.#checks.size > 0) {
      await Promise.race([Promise.allSettled(this.#checks), pause(questionPatience)]);
    }
    if (this.#checks.size > 0 && !this.#closed) {
      try {
        return await this.#standIn.ask(this.#state, method, parameters);
      } catch {
        // Then the first one is to answer, later.
      }
    }
    return this.#ask(method, ...parameters);
  }

  #ask(method: CompilerMethod, ...parameters: unknown[]): Promise<any> {
    if (this.#closed) return Promise.reject(new Error("The cell compiler is closed."));
    const id = ++this.#requests;
    const line = requestLine(id, method, parameters);
    return new Promise((resolve, reject) => {
      this.#process ??= this.#start(true);
      this.#waiting.set(id, { method, line, resolve, reject });
      this.#process.send(line);
    });
  }

  #fail(message: string): void {
    const fault = new Error(message);
    for (const { reject } of this.#waiting.values()) reject(fault);
    this.#waiting.clear();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds).unref());
}

function requestLine(id: number, method: CompilerMethod, parameters: unknown[]): string {
  return `${JSON.stringify({ id, method, parameters })}\n`;
}
