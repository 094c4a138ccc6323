import { isPromise } from "node:util/types";
import type { BindOptions } from "../../src/host.js";
import type { CellNumber, ExpressionReport, FaultReport, ToExecutor } from "../channel/messages.js";
import { shownValue } from "../display/shownValue.js";
import type { Sources } from "../traceback/sources.js";
import type { StackTraces } from "../traceback/stackTraces.js";
import { Cancellation } from "./cancellation.js";
import { CellRun } from "./cellRun.js";
import { createCellScope } from "./cellScope.js";
import { CellTimers, nodeSetImmediate } from "./cellTimers.js";
import { explainCommonJsName } from "./commonJsNames.js";
import type { Evaluator } from "./evaluator.js";
import { Evaluators } from "./evaluators.js";
import { HeldPromises } from "./heldPromises.js";
import type { Outputs } from "./outputs.js";
import { RunningCells } from "./runningCells.js";
import type { SharedState } from "./sharedState.js";
import type { InterruptedMessage } from "./threads.js";
import { UncaughtRejections } from "./uncaughtRejections.js";

type RunMessage = Extract<ToExecutor, { type: "run" }>;
type Outcome = { status: "ok" | "error" | "interrupted"; fault?: FaultReport };

/** Time for a cell that listens to its signal to stop by itself, in milliseconds; a second interrupt ends it. */
const cooperativeGrace = 5000;
/** The same for a cell that merely waits: rejections that the signal set off still come through. */
const pendingGrace = 50;

/**
 * Runs cells on the main thread and settles each exactly once, also when its code was stopped. Cells that run side by
 * side take turns: one goes on while the others wait for a promise.
 */
export class Executor {
  readonly #running: RunningCells;
  readonly #scope = createCellScope(nodeSetImmediate, (cell) => this.#running.holds(cell));
  readonly #timers = new CellTimers(this.#scope, () => this.currentCell);
  readonly #evaluators = new Evaluators();
  readonly #outputs: Outputs;
  readonly #shared: SharedState;
  readonly #sources: Sources;
  readonly #traces: StackTraces;
  /** Shown while a debugger is to pause at uncaught exceptions. */
  readonly uncaught = new UncaughtRejections();
  /** Keeps the promises that cells wait for. */
  readonly held = new HeldPromises(
    this.uncaught,
    () => this.currentCell,
    (cell) => {
      // One that runs alone needs not be told from others, but from what a message of the front end set off.
      const told = this.#scope.cell ?? cell;
      if (this.#running.size > 1 || told !== cell) this.#scope.run(cell, () => {});
    },
  );

  /** Called before a cell, or what a message set off, counts as done. */
  readonly endListeners: (() => void)[] = [];

  constructor(outputs: Outputs, shared: SharedState, sources: Sources, traces: StackTraces) {
    this.#sources = sources;
    this.#outputs = outputs;
    this.#shared = shared;
    this.#traces = traces;
    const none = new CellRun(0, new Cancellation(0, shared, () => {}));
    this.#running = new RunningCells(shared, none);
    none.settle();
  }

  async open(): Promise<void> {
    this.#timers.install();
    await this.#evaluators.open();
  }

  close(): void {
    this.#evaluators.close();
  }

  /** The cell for which code runs now, as far as that can be known; else the newest that runs. */
  get currentCell(): CellRun {
    return this.#scope.cell ?? this.#running.likeliest;
  }

  run(message: RunMessage): void {
    const cancellation = new Cancellation(message.cell, this.#shared, () => this.#running.trustChanged());
    const cell = new CellRun(message.cell, cancellation);
    this.#running.start(cell);
    this.#sources.add(message.name, message.sourceMap, message.source);
    // The interrupt came while another cell kept this one from starting.
    if (cancellation.requested) this.#settle(cell, { status: "interrupted" }, {});
    else this.#scope.run(cell, () => void this.#execute(cell, message));
  }

  /**
   * Runs what a message of the front end sets off, as a run of its own under `number`; `delivered` follows when it has
   * run and its outputs are sent. It does not wait for promises: the front end holds the next message back until then.
   */
  deliver(number: CellNumber, handle: (run: CellRun) => void): void {
    const run = new CellRun(
      number,
      new Cancellation(number, this.#shared, () => this.#running.trustChanged()),
    );
    // Before the code, which may be terminated.
    nodeSetImmediate(() => void this.#delivered(run));
    this.#scope.run(run, () => {
      handle(run);
      run.settle();
    });
  }

  /** The listener as a part of the cell for which code runs now. */
  bind<P extends unknown[]>(
    listener: (...parameters: P) => void,
    { untilInterrupted = false }: BindOptions,
  ): (...parameters: P) => void {
    const cell = this.currentCell;
    return (...parameters) => {
      if (untilInterrupted && cell.cancellation.requested) return;
      // A cell that was interrupted in the past must not stop what it listens for.
      const run = cell.settled ? new CellRun(cell.number, this.currentCell.cancellation) : cell;
      this.#scope.run(run, () => listener(...parameters));
    };
  }

  /** Tells the code of interrupted cells that it is to stop; called while they still run. */
  abort(): void {
    for (const cell of this.#running.interrupted) {
      this.#scope.run(cell, () => cell.cancellation.abort());
    }
  }

  /** Ends interrupted cells that do not end by themselves: at once when it is urgent, or when their code was terminated. */
  settleInterrupted({ cells, waited, terminated, urgent }: InterruptedMessage): void {
    for (const number of cells) {
      const cell = this.#running.find(number);
      if (!cell) {
        // A termination hit its very start. For one that was just settled this comes to nothing.
        this.#outputs.markEndOfCell(number);
        this.#outputs.sendDone({ type: "done", cell: number, ...interruptedOutcome(), expressions: {} });
        continue;
      }
      const grace = cell.cancellation.cooperative ? cooperativeGrace : pendingGrace;
      const over = urgent || waited >= grace || (terminated && this.#running.mayBeTerminated(cell));
      if (over) this.#settle(cell, { status: "interrupted" }, {});
    }
  }

  #ending(run: CellRun): void {
    for (const listener of this.endListeners) this.#scope.run(run, listener);
  }

  async #delivered(run: CellRun): Promise<void> {
    if (!run.settled) {
      run.settle();
      this.#outputs.write(run, "stderr", "KernelInterrupt: a listener was interrupted.\n");
    }
    await run.displaysShown();
    this.#ending(run);
    this.#outputs.sendDone({ type: "delivered", cell: run.number });
  }

  async #execute(cell: CellRun, message: RunMessage): Promise<void> {
    let outcome: Outcome;
    let expressions: Record<string, ExpressionReport> = {};
    try {
      const evaluator = await this.#evaluators.take();
      cell.evaluator = evaluator;
      outcome = await this.#outcomeOf(cell, evaluator, message);
      if (outcome.status === "ok") {
        expressions = await this.#evaluateExpressions(evaluator, message.expressions);
      }
    } catch (fault) {
      // A value's own display method failed, or its bundle is not JSON.
      outcome = { status: "error", fault: this.#traces.report(fault) };
    }
    if (cell.evaluator) this.#evaluators.giveBack(cell.evaluator);
    this.#settle(cell, outcome, expressions);
  }

  async #outcomeOf(cell: CellRun, evaluator: Evaluator, message: RunMessage): Promise<Outcome> {
    const evaluation = await evaluator.evaluate(message.javascript);
    if (evaluation.type !== "value" || !isPromise(evaluation.value)) cell.codeEnded();
    if (evaluation.type === "terminated") return { status: "interrupted" };
    if (evaluation.type === "thrown") {
      explainCommonJsName(evaluation.thrown);
      return { status: "error", fault: this.#traces.report(evaluation.thrown) };
    }
    // A cell that ends in a promise waits for it. Other thenables, such as a training run, are values of their own.
    const value = isPromise(evaluation.value)
      ? await evaluation.value.finally(() => cell.codeEnded())
      : evaluation.value;
    if (message.showsValue && value !== undefined && !cell.settled) {
      const { data, metadata } = await shownValue(value);
      await cell.displaysShown();
      // A value that shows itself by other means gives an empty bundle.
      if (Object.keys(data).length > 0) {
        this.#outputs.send({ type: "result", cell: cell.number, data, metadata });
      }
    }
    await cell.displaysShown();
    return { status: "ok" };
  }

  async #evaluateExpressions(
    evaluator: Evaluator,
    expressions: Record<string, string>,
  ): Promise<Record<string, ExpressionReport>> {
    const reports: Record<string, ExpressionReport> = {};
    for (const [name, javascript] of Object.entries(expressions)) {
      const evaluation = await evaluator.evaluate(javascript);
      if (evaluation.type === "value") {
        reports[name] = { status: "ok", ...(await shownValue(evaluation.value)) };
      } else {
        const thrown =
          evaluation.type === "thrown" ? evaluation.thrown : new Error("The expression was interrupted.");
        reports[name] = { status: "error", ...this.#traces.report(thrown) };
      }
    }
    return reports;
  }

  #settle(cell: CellRun, outcome: Outcome, expressions: Record<string, ExpressionReport>): void {
    if (cell.settled) return;
    const interrupted = cell.cancellation.requested || outcome.status === "interrupted";
    if (interrupted) {
      this.#timers.clear(cell);
      cell.releaseCaptures();
    }
    const { status, fault } = interrupted ? interruptedOutcome(outcome.fault) : outcome;
    this.#ending(cell);
    this.#outputs.markEndOfCell(cell.number);
    this.#outputs.sendDone({ type: "done", cell: cell.number, status, fault, expressions });
    cell.settle();
    this.#running.end(cell);
    this.#release(cell);
    // Work of the cell that goes on is to know, too.
    if (interrupted) cell.cancellation.abort();
  }

  /** Gives up the script of a cell that was settled before its end, and what only settled cells waited for. */
  #release(cell: CellRun): void {
    if (cell.evaluator) this.#evaluators.drop(cell.evaluator);
    if (this.#running.size === 0) this.held.release();
  }
}

/** A cell that was asked to stop counts as interrupted however it ended: those queued behind it must not run. */
function interruptedOutcome(fault?: FaultReport): Outcome {
  const name = "KernelInterrupt";
  // What work of the web platform's kind throws when it stops on request. Its message may say how to go on; where it
  // happened to stop is of no interest.
  const stoppedItself = fault?.name === "AbortError";
  const message = stoppedItself ? fault.message : "The cell was interrupted.";
  const frames = stoppedItself ? [] : (fault?.traceback.filter((line) => /^\s/.test(line)) ?? []);
  return { status: "interrupted", fault: { name, message, traceback: [`${name}: ${message}`, ...frames] } };
}
