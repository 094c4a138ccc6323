import type { CellCompiler, CompileOutcome } from "../cells/compiler.js";
import type { CellScripts } from "../debugger/cellScripts.js";
import type { InspectorLink } from "../debugger/inspectorLink.js";
import { peek } from "../debugger/peek.js";
import type { Cell, Cells, Ending } from "./cells.js";
import type { EventSink, ExecuteOutcome, ExecuteRequest } from "./events.js";
import type { ExecutorMessages } from "./executorMessages.js";
import type { ExecutorProcess } from "./executorProcess.js";
import { interruptedEarly } from "./interruptedEarly.js";
import { kernelFault } from "./kernelFault.js";
import { mainLane } from "./lanes.js";
import type { PartRequest } from "./partRequest.js";
import { resolvable } from "./resolvable.js";
import type { SessionChange, SessionState } from "./sessionState.js";
import { typeScriptFault } from "./typeScriptFault.js";

/** What the cells of a session have to do with. */
export interface CellSurroundings {
  readonly cells: Cells;
  readonly compiler: CellCompiler;
  readonly messages: ExecutorMessages;
  readonly inspector: InspectorLink;
  readonly scripts: CellScripts;
  readonly state: SessionState;
  /** Where cells import from. */
  readonly folder: string;
  change(change: SessionChange): void;
  /** The executor as soon as it takes cells; rejects when there is none to be had. */
  executor(): Promise<ExecutorProcess>;
}

/** The way of a cell from its text to its outcome: checked, handed to the executor, ended. */
export class CellExecution {
  readonly #session: CellSurroundings;

  constructor(session: CellSurroundings) {
    this.#session = session;
  }

  async run(request: ExecuteRequest | PartRequest, sink: EventSink): Promise<ExecuteOutcome> {
    const { cells, messages } = this.#session;
    const silent = request.silent ?? false;
    const { lane = mainLane, storeHistory = true } = request;
    this.#session.change({ type: "cellCompiling", lane, counted: !silent && storeHistory });
    const { lastCell: number, executionCount } = this.#session.state;
    const name = request.cellName ?? (silent ? `silent-${number}` : `cell-${executionCount}`);
    const { promise: ended, resolve: finish } = resolvable<Ending>();
    const cell: Cell = {
      number,
      id: request.id ?? name,
      name,
      executionCount,
      request,
      sink: (event) =>
        !silent || event.type === "stream" || event.type === "comm" ? sink(event) : undefined,
      interrupted: false,
      lost: false,
      ended: false,
      finish,
    };
    cells.start(cell);
    request.onStart?.(executionCount);
    await this.#dispatch(cell);
    const { status, error, exitCode, userExpressions } = await ended;
    messages.flush();
    if (error) messages.emit(cell, { type: "error", error });
    cells.end(cell);
    this.#session.change({ type: "cellEnded", cell: number });
    return { status, executionCount, error, exitCode, userExpressions };
  }

  /** Compiles a cell and hands it to the executor, or finishes it at once. */
  async #dispatch(cell: Cell): Promise<void> {
    const { request } = cell;
    const { code, userExpressions = {} } = request;
    const { compiler, scripts } = this.#session;
    try {
      const outcome: CompileOutcome =
        "compiled" in request
          ? { ok: true, cell: request.compiled }
          : await compiler.compile(code, cell.name);
      if (!outcome.ok) {
        const error = typeScriptFault(outcome, cell.name, code, this.#session.folder);
        return cell.finish({ status: "error", error });
      }
      const executor = await this.#session.executor();
      const { javascript, sourceMap, endsInExpression, expression } = outcome.cell;
      if (!request.silent) {
        const bound = scripts.add({ name: cell.name, code, sourceMap });
        if (bound) await bound;
      }
      if (cell.lost) return;
      if (cell.interrupted) return cell.finish(interruptedEarly);
      const showsValue = "compiled" in request ? request.showsValue : true;
      this.#session.change({ type: "cellExecuting", cell: cell.number });
      if (expression !== undefined && (await this.#peeked(cell, expression))) return;
      executor.send({
        type: "run",
        cell: cell.number,
        name: cell.name,
        javascript,
        sourceMap,
        source: code,
        showsValue: showsValue && endsInExpression && !request.silent,
        expressions: userExpressions,
      });
    } catch (fault) {
      // Its check was given up.
      if (cell.interrupted) cell.finish(interruptedEarly);
      else cell.finish({ status: "died", error: kernelFault(fault) });
    }
  }

  /** Whether a cell could be answered without waiting for the code of another lane that keeps the executor busy. */
  async #peeked(cell: Cell, expression: string): Promise<boolean> {
    const { silent, userExpressions = {} } = cell.request;
    const alone = this.#session.cells.running.length === 1;
    if (alone || silent || Object.keys(userExpressions).length > 0) return false;
    const text = await peek(this.#session.inspector, expression);
    // Meanwhile it may have been interrupted, which the executor does not know of, or lost with its executor.
    if (cell.lost) return true;
    if (cell.interrupted) cell.finish(interruptedEarly);
    else if (text === null) return false;
    else {
      if (text !== undefined) {
        const { executionCount } = cell;
        const data = { "text/plain": text };
        this.#session.messages.emit(cell, { type: "result", data, metadata: {}, executionCount });
      }
      cell.finish({ status: "ok" });
    }
    return true;
  }
}
