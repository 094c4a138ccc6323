import { join } from "node:path";
import type {
  CellCompiler,
  CellPosition,
  Completeness,
  CompletionResult,
  Inspection,
} from "../cells/compiler.js";
import { SeparateCompiler } from "../cells/separateCompiler.js";
import { KernelEnd } from "../channel/kernelEnd.js";
import { CellScripts } from "../debugger/cellScripts.js";
import { InspectorLink } from "../debugger/inspectorLink.js";
import { type VariableList, VariableView } from "../debugger/variableView.js";
import { mayHoldMagics } from "../magics/cellText.js";
import type { BodyRunner } from "../magics/magic.js";
import { MagicCells } from "../magics/magicCells.js";
import { CellExecution } from "./cellExecution.js";
import { Cells } from "./cells.js";
import type {
  CommRequest,
  Emission,
  EventSink,
  ExecuteOutcome,
  ExecuteRequest,
  SessionEvent,
} from "./events.js";
import { ExecutorMessages } from "./executorMessages.js";
import { ExecutorProcess } from "./executorProcess.js";
import { describeExit, type ExitReport, executorDied } from "./exitReport.js";
import { Lanes, mainLane } from "./lanes.js";
import type { PartRequest } from "./partRequest.js";
import { initialState, nextState, type SessionChange, type SessionState } from "./sessionState.js";

export interface SessionOptions {
  /** The notebook's directory: cells run in it and import from it. */
  cwd: string;
  /** Name of the script in that directory that the cells are, if any, for `import.meta`. Default `cell.ts`. */
  script?: string;
  /** Closed with the session. Default: a new one, in a process of its own. */
  compiler?: CellCompiler;
  /** Environment of the executor. Default: that of this process. */
  env?: NodeJS.ProcessEnv;
  /** Whether a front end takes part in comms: cells find none otherwise. Default false. */
  comms?: boolean;
  /**
   * Takes what a cell outputs after it has ended, through a timer or work that goes on. `cellId` is the request's
   * `id` (or name). Default: such output is given to the cell's own sink. Comms of an
   * executor that ended are closed through this, with an empty `cellId`.
   */
  onBackground?: (event: SessionEvent, cellId: string) => Emission;
}

/**
 * Runs the cells of one notebook: a compiler process and an executor process. Knows nothing of Jupyter; the
 * protocol server and the headless runner both stand on it.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #channel: KernelEnd;
  readonly #compiler: CellCompiler;
  readonly #cells = new Cells();
  readonly #lanes = new Lanes();
  /** V8's inspector in the executor. */
  readonly inspector = new InspectorLink((message) => this.#executor.send(message));
  /** The cells that the executor ran, for a debugger. */
  readonly scripts = new CellScripts();
  readonly #variables = new VariableView(this.inspector);
  readonly #messages: ExecutorMessages;
  readonly #execution: CellExecution;
  readonly #magics: MagicCells;
  /** Where cells import from. */
  #folder: string;
  readonly #bodyRunners = new Map<string, BodyRunner>();
  #state = initialState;
  #executor: ExecutorProcess;
  #closed = false;

  private constructor(options: SessionOptions, channel: KernelEnd) {
    this.#options = options;
    this.#folder = options.cwd;
    this.#channel = channel;
    this.#compiler =
      options.compiler ?? new SeparateCompiler({ directory: options.cwd, documentation: true });
    this.#messages = new ExecutorMessages(this.#cells, this.inspector, options.onBackground);
    this.#executor = this.#startExecutor();
    const folder = () => this.#folder;
    const state = () => this.#state;
    this.#execution = new CellExecution({
      cells: this.#cells,
      compiler: this.#compiler,
      messages: this.#messages,
      inspector: this.inspector,
      scripts: this.scripts,
      get state() {
        return state();
      },
      get folder() {
        return folder();
      },
      change: (change) => this.#change(change),
      executor: () => this.#readyExecutor(),
    });
    this.#magics = new MagicCells({
      get folder() {
        return folder();
      },
      moveTo: (moved) => {
        this.#folder = moved;
        return this.#compiler.lookFrom(moved);
      },
      compiler: this.#compiler,
      run: (request, sink) => this.#execution.run(request, sink),
      reset: () => this.#reset(),
      variables: () => this.variables(),
      bodyRunner: (name) => this.#bodyRunners.get(name),
    });
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
   * Runs a cell after those of its lane that were asked for before. Every event of the cell reaches `sink` before the
   * returned promise resolves. A cell that fails, is interrupted or takes the executor with it resolves, too.
   */
  execute(request: ExecuteRequest | PartRequest, sink: EventSink): Promise<ExecuteOutcome> {
    const run = () =>
      !("compiled" in request) && mayHoldMagics(request.code)
        ? this.#runWithMagics(request, sink)
        : this.#execution.run(request, sink);
    return this.#lanes.run(request.lane ?? mainLane, run);
  }

  /**
   * Hands a message of the front end to the executor, also while cells run. Resolves when it was heard and what it
   * set off at once was given to `sink`, as will be what comes later. Messages for comms that are not open are dropped.
   */
  async deliver(request: CommRequest, sink: EventSink): Promise<void> {
    const { id, buffers, ...content } = request;
    const { comms, deliveries } = this.#messages;
    if (content.action !== "open" && !comms.has(content.comm)) return;
    comms.note(content);
    this.#change({ type: "commDelivered" });
    const { lastCell: cell } = this.#state;
    const ended = deliveries.start(cell, id, sink);
    try {
      await this.#readyExecutor();
      this.#executor.send({ type: "comm", cell, ...content }, buffers);
    } catch {
      // Its comms were closed with it.
      deliveries.end(cell);
    }
    await ended;
    this.#messages.flush();
  }

  /** The open comms, or those of one target: id → target. */
  comms(target?: string): ReadonlyMap<string, string> {
    return this.#messages.comms.list(target);
  }

  /**
   * Stops the running cells of all lanes: their signals are aborted, then their code is terminated. Variables stay as
   * they are.
   */
  async interrupt(): Promise<void> {
    this.#magics.interrupt();
    const { running } = this.#cells;
    // One that is still being checked is not handed to the executor any more.
    for (const cell of running) cell.interrupted = true;
    if (this.#state.running.some(({ phase }) => phase === "compiling")) void this.#compiler.cancelChecks();
    const executing = this.#state.running.some(({ phase }) => phase === "executing");
    if (executing || running.length === 0) this.#executor.send({ type: "interrupt" });
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

  /** What cells declared and imported, with types and short values; at once, also while a cell computes. */
  variables(): Promise<VariableList> {
    return this.#variables.list();
  }

  /** For a debugger: as {@link CellCompiler} has them. */
  toJavaScript(code: string): Promise<string> {
    return this.#compiler.toJavaScript(code);
  }

  codeLines(code: string): Promise<number[]> {
    return this.#compiler.codeLines(code);
  }

  isGuarded(code: string, places: CellPosition[]): Promise<boolean> {
    return this.#compiler.isGuarded(code, places);
  }

  /** Makes a variable of unknown type known to later cells; gives the JavaScript that declares it with this value. */
  async declaration(name: string, value: string): Promise<string> {
    const outcome = await this.#compiler.compile(`let ${name}: any = ${value};`, "copied");
    if (outcome.ok) return outcome.cell.javascript;
    throw new Error(outcome.diagnostics[0].message);
  }

  /** Has the bodies of cells that start with `%%name` run by `runner`. */
  runBodies(name: string, runner: BodyRunner): void {
    this.#bodyRunners.set(name, runner);
  }

  /** Ends the executor, forgets all declarations and counts from one again. A running cell ends as "died". */
  async restart(): Promise<void> {
    const replaced = this.#executor;
    await replaced.stop();
    await this.#lanes.ended();
    this.#change({ type: "restarted" });
    await this.#readyExecutor();
  }

  /** Ends the executor and everything that cells started. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#executor.stop();
    await this.#lanes.ended();
    await Promise.all([this.#compiler.close(), this.#channel.close()]);
  }

  /** A fresh executor, which knows nothing of earlier cells. Cells of other lanes end as "died". */
  async #reset(): Promise<void> {
    await this.#executor.stop();
    await this.#readyExecutor();
  }

  async #runWithMagics(request: ExecuteRequest, sink: EventSink): Promise<ExecuteOutcome> {
    return (await this.#magics.run(request, sink)) ?? (await this.#execution.run(request, sink));
  }

  /** Tries anew when the last executor could not be started. */
  async #readyExecutor(): Promise<ExecutorProcess> {
    if (this.#closed) throw new Error("The session is closed.");
    if (this.#state.executor.phase === "none") this.#executor = this.#startExecutor();
    await this.#executor.ready;
    return this.#executor;
  }

  #startExecutor(): ExecutorProcess {
    this.#change({ type: "executorStarting" });
    const { cwd, script = "cell.ts", env = process.env, comms } = this.#options;
    const file = join(cwd, script);
    const executor = new ExecutorProcess(
      this.#channel,
      this.#state.executor.generation,
      file,
      env,
      {
        message: (message, buffers, jsonLength) => {
          if (message.type === "ready") {
            this.#change({ type: "executorReady" });
            this.inspector.executorReady();
          }
          this.#messages.receive(executor, message, buffers, jsonLength);
        },
        native: (name, text, flushed) => this.#messages.receiveNative(name, text, flushed),
        exit: (report) => this.#executorEnded(report),
      },
      comms,
    );
    return executor;
  }

  #executorEnded(report: ExitReport): void {
    const wasReady = this.#state.executor.phase === "ready";
    this.#change({ type: "executorEnded" });
    this.inspector.executorLost();
    this.scripts.clear();
    this.#messages.executorEnded();
    // A cell that is still being checked is lost as well: it may use variables that are gone.
    const lost = wasReady ? this.#cells.running : [];
    if (!this.#closed) {
      // Types of variables that are gone would only mislead.
      void this.#compiler.reset();
      this.#folder = this.#options.cwd;
      // After one that did nothing but end, the next is for the next cell, or executors would be started for ever.
      if (wasReady && this.#executor.worked) this.#executor = this.#startExecutor();
    }
    const exitCode = report.exitedByCell && !report.stopped ? (report.code ?? undefined) : undefined;
    for (const cell of lost) {
      cell.lost = true;
      cell.finish({ status: "died", error: executorDied(report), exitCode });
    }
    const latest = this.#cells.likeliest;
    if (lost.length === 0 && latest && !report.stopped) {
      const text = `${describeExit(report)} This happened between cells: all variables are lost.\n`;
      this.#messages.emit(latest, { type: "stream", name: "stderr", text });
    }
  }

  #change(change: SessionChange): void {
    this.#state = nextState(this.#state, change);
  }
}
