import { isPromise } from "node:util/types";
import type { ExpressionReport, FaultReport, ToExecutor } from "../channel/messages.js";
import { Cancellation } from "./cancellation.js";
import { CellRun } from "./cellRun.js";
import { createCellScope } from "./cellScope.js";
import { CellTimers, nodeSetImmediate, nodeSetTimeout } from "./cellTimers.js";
import { Evaluator } from "./evaluator.js";
import { shownValue } from "./mimeBundle.js";
import type { Outputs } from "./outputs.js";
import type { SharedState } from "./sharedState.js";
import type { StackTraces } from "./stackTraces.js";

type RunMessage = Extract<ToExecutor, { type: "run" }>;
type Outcome = { status: "ok" | "error" | "interrupted"; fault?: FaultReport };

/** Time for a cell that listens to its signal to stop by itself, in milliseconds; a second interrupt ends it. */
const cooperativeGrace = 5000;
/** The same for a cell that merely waits: rejections that the signal set off still come through. */
const pendingGrace = 50;

/** Runs cells on the main thread and settles each exactly once, also when its code was stopped. */
export class Executor {
  readonly #scope = createCellScope(nodeSetImmediate);
  readonly #timers = new CellTimers(this.#scope, () => this.currentCell);
  readonly #evaluator = new Evaluator();
  readonly #outputs: Outputs;
  readonly #shared: SharedState;
  readonly #traces: StackTraces;
  #latest: CellRun;

  constructor(outputs: Outputs, shared: SharedState, traces: StackTraces) {
    this.#outputs = outputs;
    this.#shared = shared;
    this.#traces = traces;
    this.#latest = new CellRun(0, new Cancellation(0, shared));
    this.#latest.settled = true;
  }

  async open(): Promise<void> {
    this.#timers.install();
    await this.#evaluator.open();
  }

  close(): void {
    this.#evaluator.close();
  }

  /** Keeps a promise that a cell waits for. */
  get hold(): <T>(value: T) => T {
    return this.#evaluator.held.hold;
  }

  /** The cell for which code runs now, as far as that can be known; else the newest. */
  get currentCell(): CellRun {
    return this.#scope.cell ?? this.#latest;
  }

  run(message: RunMessage): void {
    const cell = new CellRun(message.cell, new Cancellation(message.cell, this.#shared));
    this.#latest = cell;
    this.#shared.cooperative = false;
    this.#traces.add(message.name, message.sourceMap, message.source);
    this.#scope.run(cell, () => void this.#execute(cell, message));
  }

  /** Tells the cell's code that it is to stop; called while the cell still runs. */
  abort(): void {
    const cell = this.#latest;
    if (cell.settled || !cell.cancellation.requested) return;
    this.#scope.run(cell, () => cell.cancellation.abort());
  }

  /** Ends an interrupted cell that does not end by itself. */
  settleInterrupted(terminated: boolean): void {
    const cell = this.#latest;
    if (cell.settled) return;
    cell.interrupts++;
    const settle = () => {
      if (cell.settled) return;
      this.#settle(cell, { status: "interrupted" }, {});
      void this.#evaluator.abandon();
    };
    if (terminated || cell.interrupts > 1) settle();
    else nodeSetTimeout(settle, cell.cancellation.cooperative ? cooperativeGrace : pendingGrace);
  }

  async #execute(cell: CellRun, message: RunMessage): Promise<void> {
    let outcome: Outcome;
    let expressions: Record<string, ExpressionReport> = {};
    try {
      outcome = await this.#outcomeOf(cell, message);
      if (outcome.status === "ok") expressions = await this.#evaluateExpressions(message.expressions);
    } catch (fault) {
      // A value's own display method failed, or its bundle is not JSON.
      outcome = { status: "error", fault: this.#traces.report(fault) };
    }
    this.#settle(cell, outcome, expressions);
  }

  async #outcomeOf(cell: CellRun, message: RunMessage): Promise<Outcome> {
    const evaluation = await this.#evaluator.evaluate(message.javascript);
    if (evaluation.type === "terminated") return { status: "interrupted" };
    if (evaluation.type === "thrown") {
      return { status: "error", fault: this.#traces.report(evaluation.thrown) };
    }
    // A cell that ends in a promise waits for it. Other thenables, such as a training run, are values of their own.
    const value = isPromise(evaluation.value) ? await evaluation.value : evaluation.value;
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

  async #evaluateExpressions(expressions: Record<string, string>): Promise<Record<string, ExpressionReport>> {
    const reports: Record<string, ExpressionReport> = {};
    for (const [name, javascript] of Object.entries(expressions)) {
      const evaluation = await this.#evaluator.evaluate(javascript);
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
    if (interrupted) this.#timers.clear(cell);
    const { status, fault } = interrupted ? interruptedOutcome(outcome.fault) : outcome;
    this.#outputs.markEndOfCell(cell.number);
    this.#outputs.send({ type: "done", cell: cell.number, status, fault, expressions });
    cell.settled = true;
    // Work of the cell that goes on is to know, too.
    if (interrupted) cell.cancellation.abort();
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
