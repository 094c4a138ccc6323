import { join } from "node:path";
import type { CellCompiler, Completeness, CompletionResult, Inspection } from "../cells/compiler.js";
import { diagnosticLines, placeOf } from "../cells/diagnosticText.js";
import { ThreadedCompiler } from "../cells/threadedCompiler.js";
import { KernelEnd } from "../channel/kernelEnd.js";
import type { CellNumber, ToExecutor, ToKernel } from "../channel/messages.js";
import type { CellError, CellStatus, ExecuteOutcome, ExecuteRequest, SessionEvent } from "./events.js";
import { ExecutorProcess } from "./executorProcess.js";
import { describeExit, type ExitReport, executorDied } from "./exitReport.js";
import { kernelFault } from "./kernelFault.js";
import { resolvable } from "./resolvable.js";
import { initialState, nextState, type SessionChange, type SessionState } from "./sessionState.js";
import { StreamCoalescer } from "./streamCoalescer.js";

export interface SessionOptions {
  /** The notebook's directory: cells run in it and import from it. */
  cwd: string;
  /** Name of the script in that directory that the cells are, if any, for `import.meta`. Default `cell.ts`. */
  script?: string;
  /** Whether {@link Session.inspect} gives documentation; without, the first cell runs sooner. Default true. */
  documentation?: boolean;
  /** Environment of the executor. Default: that of this process. */
  env?: NodeJS.ProcessEnv;
  /**
   * Takes what a cell outputs after it has ended, through a timer or work that goes on. `cellId` is the request's
   * `id` (or name). Default: such output is given to the cell's own sink.
   */
  onBackground?: (event: SessionEvent, cellId: string) => void;
}

/** One execution of a cell; kept after its end, since its timers and promises may still produce output. */
interface Cell {
  readonly number: CellNumber;
  readonly id: string;
  readonly name: string;
  readonly executionCount: number;
  readonly request: ExecuteRequest;
  readonly sink: (event: SessionEvent) => void;
  interrupted: boolean;
  /** Its executor died before the cell got there. */
  lost: boolean;
  ended: boolean;
  finish(ending: Ending): void;
}

interface Ending {
  status: CellStatus;
  error?: CellError;
  exitCode?: number;
  userExpressions?: ExecuteOutcome["userExpressions"];
}

/** Ended cells whose late output still finds them. */
const keptCells = 1000;

/**
 * Runs the cells of one notebook: a compiler in a thread and an executor process. Knows nothing of Jupyter; the
 * protocol server and the headless runner both stand on it.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #channel: KernelEnd;
  readonly #compiler: CellCompiler;
  readonly #cells = new Map<CellNumber, Cell>();
  readonly #streams = new StreamCoalescer<Cell>((cell, name, text) =>
    this.#emit(cell, { type: "stream", name, text }),
  );
  #state = initialState;
  #executor: ExecutorProcess;
  #current: Cell | null = null;
  #latest: Cell | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  /** Executions that were asked for and have not ended. */
  #waiting = 0;
  #closed = false;

  private constructor(options: SessionOptions, channel: KernelEnd) {
    this.#options = options;
    this.#channel = channel;
    const { cwd: directory, documentation = true } = options;
    this.#compiler = new ThreadedCompiler({ directory, documentation });
    this.#executor = this.#startExecutor();
  }

  /** Resolves when the executor takes cells; rejects when it cannot be started. */
  static async start(options: SessionOptions): Promise<Session> {
    const session = new Session(options, await KernelEnd.open());
    try {
      await session.#executor.ready;
    } catch (fault) {
      await session.close();
      throw fault;
    }
    return session;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Process id of the executor; undefined while there is none. */
  get executorPid(): number | undefined {
    return this.#executor.pid;
  }

  /**
   * Runs a cell after those asked for before. Every event of the cell reaches `sink` before the returned promise
   * resolves. A cell that fails, is interrupted or takes the executor with it resolves, too.
   */
  execute(request: ExecuteRequest, sink: (event: SessionEvent) => void): Promise<ExecuteOutcome> {
    const run = () => this.#run(request, sink);
    // At once when nothing waits, so that an interrupt which follows finds the cell.
    const outcome = this.#waiting++ === 0 ? run() : this.#queue.then(run);
    this.#queue = outcome.catch(() => {}).then(() => void this.#waiting--);
    return outcome;
  }

  /** Stops the running cell: its signal is aborted, then its code terminated. Variables stay as they are. */
  async interrupt(): Promise<void> {
    if (this.#current) this.#current.interrupted = true;
    if (this.#state.running?.phase !== "compiling") this.#executor.send({ type: "interrupt" });
  }

  /** `cursor` and all offsets are in UTF-16 units. */
  complete(code: string, cursor: number): Promise<CompletionResult> {
    return this.#compiler.complete(code, cursor);
  }

  inspect(code: string, cursor: number): Promise<Inspection | null> {
    return this.#compiler.inspect(code, cursor);
  }

  isComplete(code: string): Promise<Completeness> {
    return this.#compiler.isComplete(code);
  }

  /** Ends the executor, forgets all declarations and counts from one again. A running cell ends as "died". */
  async restart(): Promise<void> {
    const replaced = this.#executor;
    await replaced.stop();
    await this.#queue;
    this.#change({ type: "restarted" });
    await this.#readyExecutor();
  }

  /** Ends the executor and everything that cells started. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#executor.stop();
    await this.#queue;
    await Promise.all([this.#compiler.close(), this.#channel.close()]);
  }

  async #run(request: ExecuteRequest, sink: (event: SessionEvent) => void): Promise<ExecuteOutcome> {
    const silent = request.silent ?? false;
    this.#change({ type: "cellCompiling", counted: !silent && (request.storeHistory ?? true) });
    const { lastCell: number, executionCount } = this.#state;
    const name = request.cellName ?? (silent ? `silent-${number}` : `cell-${executionCount}`);
    const { promise: ended, resolve: finish } = resolvable<Ending>();
    const cell: Cell = {
      number,
      id: request.id ?? name,
      name,
      executionCount,
      request,
      sink: silent ? (event) => event.type === "stream" && sink(event) : sink,
      interrupted: false,
      lost: false,
      ended: false,
      finish,
    };
    this.#current = cell;
    this.#latest = cell;
    this.#cells.set(number, cell);
    this.#cells.delete(number - keptCells);
    await this.#dispatch(cell);
    const { status, error, exitCode, userExpressions } = await ended;
    this.#streams.flush();
    if (error) this.#emit(cell, { type: "error", error });
    cell.ended = true;
    this.#current = null;
    this.#change({ type: "cellEnded" });
    return { status, executionCount, error, exitCode, userExpressions };
  }

  /** Compiles a cell and hands it to the executor, or finishes it at once. */
  async #dispatch(cell: Cell): Promise<void> {
    const { code, userExpressions = {} } = cell.request;
    try {
      const compiled = await this.#compiler.compile(code, cell.name);
      if (!compiled.ok) {
        const [first] = compiled.diagnostics;
        const message = `${placeOf(first, cell.name)} - ${first.message}`;
        const traceback = diagnosticLines(compiled.diagnostics, cell.name, code);
        return cell.finish({ status: "error", error: { name: "TypeScriptError", message, traceback } });
      }
      if (this.#closed) throw new Error("The session is closed.");
      await this.#readyExecutor();
      if (cell.lost) return;
      if (cell.interrupted) return cell.finish(notStarted);
      const { javascript, sourceMap, endsInExpression } = compiled.cell;
      this.#change({ type: "cellExecuting" });
      this.#executor.send({
        type: "run",
        cell: cell.number,
        name: cell.name,
        javascript,
        sourceMap,
        source: code,
        showsValue: endsInExpression && !cell.request.silent,
        expressions: userExpressions,
      });
    } catch (fault) {
      cell.finish({ status: "died", error: kernelFault(fault) });
    }
  }

  #receive(executor: ExecutorProcess, message: ToKernel): void {
    if (message.type === "ready") this.#change({ type: "executorReady" });
    if (message.type === "ready" || message.type === "exiting") return;
    const cell = this.#cells.get(message.cell) ?? this.#latest;
    if (!cell) return;
    if (message.type === "stream") {
      const { name, text } = message;
      const consumed: ToExecutor = { type: "consumed", length: text.length };
      this.#streams.add(cell, name, text, () => executor.send(consumed));
      return;
    }
    this.#streams.flush();
    switch (message.type) {
      case "display": {
        const { data, metadata, displayId, update } = message;
        if (update) this.#emit(cell, { type: "updateDisplay", data, metadata, displayId: displayId! });
        else this.#emit(cell, { type: "display", data, metadata, displayId });
        break;
      }
      case "clearOutput":
        this.#emit(cell, { type: "clearOutput", wait: message.wait });
        break;
      case "result": {
        const { data, metadata } = message;
        this.#emit(cell, { type: "result", data, metadata, executionCount: cell.executionCount });
        break;
      }
      case "input":
        void this.#answerInput(executor, cell, message);
        break;
      case "done": {
        const { status, fault: error, expressions: userExpressions } = message;
        const complete = executor.nativeOutputComplete(cell.number);
        void complete.then(() => cell.finish({ status, error, userExpressions }));
        break;
      }
    }
  }

  async #answerInput(
    executor: ExecutorProcess,
    cell: Cell,
    { input, prompt, password }: Extract<ToKernel, { type: "input" }>,
  ): Promise<void> {
    let value: string | null = null;
    try {
      if (!cell.ended && cell.request.input) value = await cell.request.input(prompt, password);
    } finally {
      executor.send({ type: "inputReply", input, value });
    }
  }

  #emit(cell: Cell, event: SessionEvent): void {
    const { onBackground } = this.#options;
    if (cell.ended && onBackground) onBackground(event, cell.id);
    else cell.sink(event);
  }

  /** Tries anew when the last executor could not be started. */
  async #readyExecutor(): Promise<void> {
    if (this.#state.executor.phase === "none") this.#executor = this.#startExecutor();
    await this.#executor.ready;
  }

  #startExecutor(): ExecutorProcess {
    this.#change({ type: "executorStarting" });
    const { cwd, script = "cell.ts", env = process.env } = this.#options;
    const file = join(cwd, script);
    const executor = new ExecutorProcess(this.#channel, this.#state.executor.generation, file, env, {
      message: (message) => this.#receive(executor, message),
      native: (name, text, flushed) => {
        const cell = this.#current ?? this.#latest;
        if (cell) this.#streams.add(cell, name, text, flushed);
        else flushed();
      },
      exit: (report) => this.#executorEnded(report),
    });
    return executor;
  }

  #executorEnded(report: ExitReport): void {
    const wasReady = this.#state.executor.phase === "ready";
    this.#change({ type: "executorEnded" });
    this.#streams.flush();
    // A cell that is still being checked is lost as well: it may use variables that are gone.
    const lost = wasReady ? this.#current : null;
    if (!this.#closed) {
      // Types of variables that are gone would only mislead.
      void this.#compiler.reset();
      // One that could not even start is tried again with the next cell, or it would be started for ever.
      if (wasReady) this.#executor = this.#startExecutor();
    }
    if (lost) {
      lost.lost = true;
      const exitCode = report.exitedByCell && !report.stopped ? (report.code ?? undefined) : undefined;
      lost.finish({ status: "died", error: executorDied(report), exitCode });
    } else if (this.#latest && !report.stopped) {
      const text = `${describeExit(report)} This happened between cells: all variables are lost.\n`;
      this.#emit(this.#latest, { type: "stream", name: "stderr", text });
    }
  }

  #change(change: SessionChange): void {
    this.#state = nextState(this.#state, change);
  }
}

/** The end of a cell that was interrupted while it was being checked. */
const notStarted: Ending = {
  status: "interrupted",
  error: {
    name: "KernelInterrupt",
    message: "The cell was interrupted before it ran.",
    traceback: ["KernelInterrupt: The cell was interrupted before it ran."],
  },
};
