import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { KernelEnd } from "../channel/kernelEnd.js";
import type { CellNumber, ToExecutor, ToKernel } from "../channel/messages.js";
import type { ExitReport } from "./exitReport.js";
import { NativeOutput } from "./nativeOutput.js";
import { resolvable } from "./resolvable.js";

const program = fileURLToPath(new URL("../executor/main.js", import.meta.url));

const nodeOptions = [
  // Terminating a timer's callback would otherwise end the process: "async hook stack has become corrupted".
  "--no-force-async-hooks-checks",
  // Gives `import.meta.resolve` its second parameter: cells import as files of the notebook's directory do.
  "--experimental-import-meta-resolve",
];

/** Native text that may wait to be handed on before its pipe is no longer read, in UTF-16 units. */
const unflushedLimit = 4 * 1024 * 1024;
/** Native output counts as complete when none came for this long although its mark is missing, in milliseconds. */
const markPatience = 300;
/** How long pipes may stay open after the process has ended, in milliseconds. */
const drainTime = 500;
/** Time for an orderly exit before the process is killed, in milliseconds. */
const exitTime = 2000;
/** Lines and characters of native standard error kept for a crash report. */
const keptErrorLines = 30;
const keptErrorText = 8192;

/** Node says this when a process with inspector sessions ends itself; it would only puzzle. */
const inspectorNotice = "Waiting for the debugger to disconnect...\n";

type StreamName = "stdout" | "stderr";

export interface ExecutorListener {
  /** `jsonLength`: of the message as JSON, in UTF-16 units. */
  message(message: ToKernel, buffers: Uint8Array[], jsonLength: number): void;
  /** Output of native code or of a child process; `flushed` is to be called when it has been handed on. */
  native(name: StreamName, text: string, flushed: () => void): void;
  /** Called once, after all output. */
  exit(report: ExitReport): void;
}

/** One executor process: started, talked to, and ended together with everything that it started. */
export class ExecutorProcess {
  readonly identity: string;
  /** Resolves when cells can run; rejects when the process ends before. */
  readonly ready: Promise<void>;
  readonly #channel: KernelEnd;
  readonly #child: ChildProcess;
  readonly #listener: ExecutorListener;
  /** Cells whose end was read on each pipe. */
  readonly #marks: Record<StreamName, Set<CellNumber>> = { stdout: new Set(), stderr: new Set() };
  readonly #marked = new Set<() => void>();
  #lastNativeOutput = 0;
  #nativeErrors = "";
  #exitedByCell = false;
  #worked = false;
  #stopped = false;
  readonly #ended: Promise<void>;

  /**
   * @param file what cells are: a script, or an imagined file in the notebook's folder
   * @param comms whether a front end takes part in comms
   */
  constructor(
    channel: KernelEnd,
    generation: number,
    file: string,
    env: NodeJS.ProcessEnv,
    listener: ExecutorListener,
    comms = false,
  ) {
    this.identity = `${generation}-${randomBytes(6).toString("hex")}`;
    this.#channel = channel;
    this.#listener = listener;
    const { promise, resolve, reject } = resolvable<void>();
    this.ready = promise;
    channel.connect(this.identity, (message, buffers, jsonLength) => {
      if (message.type === "ready") resolve();
      if (message.type === "exiting") this.#exitedByCell = true;
      listener.message(message, buffers, jsonLength);
    });
    // A group of its own, so that all that cells start can be ended with it; descriptor 3 ends it with this process.
    const settings = [channel.address, this.identity, path.basename(file), ...(comms ? ["comms"] : [])];
    this.#child = spawn(process.execPath, [...nodeOptions, program, ...settings], {
      cwd: path.dirname(file),
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    (this.#child.stdio[3] as Readable | null)?.on("error", () => {});
    if (this.#child.stdout) this.#read("stdout", this.#child.stdout);
    if (this.#child.stderr) this.#read("stderr", this.#child.stderr);
    this.#ended = this.#end(reject);
    this.ready.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether it was given a cell. */
  get worked(): boolean {
    return this.#worked;
  }

  send(message: ToExecutor, buffers: readonly Uint8Array[] = []): void {
    if (message.type === "run") {
      this.#worked = true;
      this.#nativeErrors = "";
    }
    this.#channel.send(this.identity, message, buffers);
  }

  /** Resolves when all that native code wrote during a cell has been read. */
  async nativeOutputComplete(cell: CellNumber): Promise<void> {
    this.#lastNativeOutput = performance.now();
    const complete = () => this.#marks.stdout.has(cell) && this.#marks.stderr.has(cell);
    while (!complete() && performance.now() - this.#lastNativeOutput < markPatience) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#marked.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, 20);
        this.#marked.add(wake);
      });
    }
    this.#marks.stdout.delete(cell);
    this.#marks.stderr.delete(cell);
  }

  /** Lets exit handlers run, then kills what is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.send({ type: "shutdown" });
    const timer = setTimeout(() => this.kill(), exitTime);
    await this.#ended;
    clearTimeout(timer);
  }

  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // Nothing of the group is left.
    }
  }

  #read(name: StreamName, pipe: Readable): void {
    const output = new NativeOutput(this.identity);
    let unflushed = 0;
    const hand = (written: string) => {
      const text = written.replace(inspectorNotice, "");
      if (text === "") return;
      if (name === "stderr") this.#nativeErrors = (this.#nativeErrors + text).slice(-keptErrorText);
      unflushed += text.length;
      if (unflushed > unflushedLimit) pipe.pause();
      this.#listener.native(name, text, () => {
        unflushed -= text.length;
        if (unflushed <= unflushedLimit && pipe.isPaused()) pipe.resume();
      });
    };
    pipe.on("error", () => {});
    pipe.on("data", (chunk: Buffer) => {
      this.#lastNativeOutput = performance.now();
      for (const part of output.push(chunk)) {
        if (part.type === "text") hand(part.text);
        else this.#marks[name].add(part.cell);
      }
      for (const wake of this.#marked) wake();
    });
    pipe.on("end", () => {
      const rest = output.end();
      if (rest !== "") hand(rest);
    });
  }

  async #end(notReady: (fault: Error) => void): Promise<void> {
    const closed = once(this.#child, "close").catch(() => {});
    let code: number | null = null;
    let signal: NodeJS.Signals | null = null;
    try {
      [code, signal] = await once(this.#child, "exit");
    } catch (fault) {
      this.#nativeErrors += `${(fault as Error).message}\n`;
    }
    this.kill();
    const drained = new Promise((resolve) => setTimeout(resolve, drainTime).unref());
    await Promise.race([closed, drained]);
    // Messages that the executor sent last may still be on their way through ZeroMQ.
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.#channel.disconnect(this.identity);
    const lines = this.#nativeErrors.split("\n").filter((line) => line.trim() !== "");
    const report: ExitReport = {
      code,
      signal,
      nativeErrors: lines.slice(-keptErrorLines),
      exitedByCell: this.#exitedByCell,
      stopped: this.#stopped,
    };
    notReady(
      new Error(
        `The executor did not start: ${lines.slice(-keptErrorLines).join("\n") || `exit code ${code}`}`,
      ),
    );
    this.#listener.exit(report);
  }
}
