import { availableParallelism } from "node:os";
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
import { CompilerProcess, hasImage } from "./compilerProcess.js";
import type { CompilerMethod, CompilerReply, CompilerSettings, CompilerState } from "./compilerRequests.js";
import { buildImagesInBackground } from "./image/backgroundBuild.js";
import type { ImageKind } from "./image/imageFile.js";
import { StandInCompiler } from "./standInCompiler.js";

/** So long a check goes on before a stand-in starts, in milliseconds. */
const longCheck = 300;
/** So long a check that is to be given up may still take to end by itself, in milliseconds. */
const cancelPatience = 150;
/** So long a question waits for a check to end, in milliseconds. */
const questionPatience = 60;

/** With fewer processors, a compiler that starts beside would slow down the one that the first cell waits for. */
const manyProcessors = 4;

/** What a lean compiler is asked. */
const leanMethods = new Set<CompilerMethod>(["compile", "isComplete", "divide", "codeLines", "isGuarded"]);
/** Cells that are not for a lean compiler, as far as a glance tells. */
const wantsWhole =
  /\b(?:import|require|process|display|Buffer|URL|fetch|performance|set(?:Timeout|Interval|Immediate))\b/;
/** So long after an answer a whole compiler starts beside, in milliseconds: until then, the cell may need the processor. */
const answerUse = 30;

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
 *
 * The first process is a lean one, which is there soonest. It is replaced as soon as a whole one is ready, or
 * something is asked that it cannot answer.
 */
export class SeparateCompiler implements CellCompiler {
  readonly #settings: CompilerSettings;
  readonly #waiting = new Map<number, Waiting>();
  #process: CompilerProcess | null = null;
  /** Gets ready while a lean one answers. */
  #next: CompilerProcess | null = null;
  #nextIsWarm = false;
  /** Whether {@link #process} is a lean one. */
  #lean = false;
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
    this.#lean = (settings.lean ?? true) && hasImage("lean") && hasImage("whole");
    this.#process = this.#start(this.#lean ? "lean" : "whole");
    if (this.#lean && availableParallelism() >= manyProcessors) this.#prepareNext();
  }

  /** Process id of the compiler; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async compile(code: string, cellName: string, options?: CompileOptions): Promise<CompileOutcome> {
    if (this.#lean && wantsWhole.test(code)) this.#replace();
    const check = this.#ask("compile", code, cellName, options);
    this.#checks.add(check);
    const takesLong = setTimeout(() => {
      if (this.#process?.ready) this.#standIn.prepare(this.#state);
    }, longCheck);
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
    await Promise.all([this.#process?.stop(), this.#next?.stop(), this.#standIn.stop()]);
  }

  async cancelChecks(): Promise<void> {
    const checks = [...this.#checks];
    await Promise.race([Promise.allSettled(checks), pause(cancelPatience)]);
    if (this.#closed || !checks.some((check) => this.#checks.has(check))) return;
    for (const [id, { method, reject }] of this.#waiting) {
      if (method !== "compile") continue;
      this.#waiting.delete(id);
      reject(new Error("The check of the cell was given up."));
    }
    this.#replace();
  }

  #start(image: ImageKind | null): CompilerProcess {
    const started = new CompilerProcess(this.#settings, image, {
      reply: (reply) => {
        if (started === this.#process) this.#receive(reply, started);
        else if (started === this.#next) this.#receiveFromNext(reply, started);
      },
      ended: (cause, wasReady) => this.#ended(started, cause, wasReady),
    });
    return started;
  }

  /** Has another process go on with what this one was asked and has not answered: the next, or a new one. */
  #replace(): void {
    void this.#process?.stop();
    this.#process = this.#next ?? this.#start("whole");
    this.#next = null;
    this.#lean = false;
    this.#goOn();
  }

  /** Tells a process all that it needs to know, and asks it what has not been answered. */
  #goOn(): void {
    if (this.#state) this.#process!.send(requestLine(++this.#requests, "restore", [this.#state]));
    for (const { line } of this.#waiting.values()) this.#process!.send(line);
  }

  /** Starts the whole process beside the lean one. */
  #prepareNext(): void {
    if (this.#lean && !this.#closed) this.#next ??= this.#start("whole");
  }

  #receive(reply: CompilerReply, from: CompilerProcess): void {
    if ("ready" in reply) {
      if (!this.#lean) this.#noteImage(reply.outdated, from);
      // Otherwise it starts when they are answered.
      else if (this.#waiting.size === 0) this.#prepareNext();
      return;
    }
    if (this.#lean && !("fault" in reply) && reply.value === undefined) {
      this.#replace();
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
    if (this.#lean && !this.#next) setTimeout(() => this.#prepareNext(), answerUse).unref();
    this.#replaceIfIdle();
  }

  #receiveFromNext(reply: CompilerReply, from: CompilerProcess): void {
    if ("ready" in reply) {
      this.#noteImage(reply.outdated, from);
      from.send(requestLine(++this.#requests, "warmUp", []));
    } else {
      this.#nextIsWarm = true;
      this.#replaceIfIdle();
    }
  }

  #replaceIfIdle(): void {
    if (this.#lean && this.#nextIsWarm && this.#waiting.size === 0) this.#replace();
  }

  #noteImage(outdated: boolean, { image }: CompilerProcess): void {
    if (outdated || image === undefined || !hasImage("lean")) buildImagesInBackground();
  }

  #ended(ended: CompilerProcess, cause: string, wasReady: boolean): void {
    if (this.#closed) return;
    if (ended === this.#next) {
      this.#next = wasReady || ended.image === undefined ? null : this.#start(null);
      return;
    }
    if (ended !== this.#process) return;
    // What it was asked, another is.
    if (this.#lean) {
      this.#replace();
      return;
    }
    this.#process = null;
    if (!wasReady && ended.image) {
      // The image does not fit this machine; all that was asked is asked again.
      this.#process = this.#start(null);
      this.#goOn();
      return;
    }
    this.#fail(
      `The cell compiler stopped: ${cause}\nIt starts anew with what earlier cells declared; run the cell again.`,
    );
    // One that could not even start is tried again with the next request, or it would be started for ever.
    if (wasReady) this.#replace();
  }

  /** What the user waits for at the keyboard: it is not kept waiting by a check that takes long. */
  async #question(method: CompilerMethod, ...parameters: unknown[]): Promise<any> {
    if (this.#checks.size > 0) {
      await Promise.race([Promise.allSettled(this.#checks), pause(questionPatience)]);
    }
    if (this.#checks.size > 0 && !this.#closed && this.#process?.ready) {
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
    if (!this.#process || (this.#lean && !leanMethods.has(method))) this.#replace();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { method, line, resolve, reject });
      this.#process!.send(line);
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
