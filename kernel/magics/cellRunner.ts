import { cellGlobal } from "../cells/cellGlobal.js";
import type { CompiledCell } from "../cells/compiler.js";
import { versioned } from "../executor/moduleQueries.js";
import type { ExecuteOutcome, ExecuteRequest, SessionEvent } from "../session/events.js";
import { interruptedEarly } from "../session/interruptedEarly.js";
import type { PartRequest } from "../session/partRequest.js";
import type { Operations } from "./executor/operations.js";
import { CellOver, type MagicSession } from "./magic.js";

export interface PartSession extends MagicSession {
  run(request: PartRequest, sink: (event: SessionEvent) => void): Promise<ExecuteOutcome>;
}

/** Runs the parts of one cell, one after another: each is an execution of the session's, all together count as one. */
export class CellRunner {
  readonly session: PartSession;
  readonly request: ExecuteRequest;
  readonly #sink: (event: SessionEvent) => void;
  #name = "";
  #executionCount = 0;
  #parts = 0;
  #interrupted = false;
  #begun = false;
  #onInterrupt: () => void = () => {};

  constructor(session: PartSession, request: ExecuteRequest, sink: (event: SessionEvent) => void) {
    this.session = session;
    this.request = request;
    this.#sink = sink;
  }

  /** Names the cell in tracebacks. */
  get name(): string {
    return this.#name;
  }

  get executionCount(): number {
    return this.#executionCount;
  }

  emit(event: SessionEvent): void {
    if (!this.request.silent || event.type === "stream") this.#sink(event);
  }

  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** Nothing more of the cell runs; what runs in the executor is the session's to stop. */
  interrupt(): void {
    this.#interrupted = true;
    this.#onInterrupt();
  }

  onInterrupt(listener: () => void): void {
    this.#onInterrupt = listener;
  }

  /** Counts the cell and makes its text known to the executor, for tracebacks. */
  async open(): Promise<void> {
    const { cellName, storeHistory, onStart } = this.request;
    const outcome = await this.#run(standIn(""), { cellName, storeHistory, onStart });
    this.#executionCount = outcome.executionCount;
    this.#name = cellName ?? (this.request.silent ? "silent" : `cell-${outcome.executionCount}`);
  }

  /** The name under which the next part is compiled: its source map is its own, people see the cell's name. */
  nextPartName(): string {
    return versioned(this.#name, ++this.#parts);
  }

  async runCode(compiled: CompiledCell, partName: string, showsValue: boolean): Promise<void> {
    await this.#run(compiled, { cellName: partName, showsValue });
  }

  async runJavascript(javascript: string): Promise<void> {
    await this.#run(standIn(javascript), {});
  }

  /** Does what a magic in that line asks of the executor, and gives its answer. */
  async call(line: number, operation: keyof Operations, parameters: unknown): Promise<any> {
    const values = [operation, parameters, `${this.#name}:${line + 1}:1`].map((value) =>
      JSON.stringify(value),
    );
    const magics = `${cellGlobal}.magics`;
    const { userExpressions } = await this.#run(standIn(`await ${magics}.run(${values.join(", ")})`), {
      userExpressions: { answer: `${magics}.answer()` },
    });
    const answer = userExpressions?.answer;
    return answer?.status === "ok" ? answer.data["application/json"] : undefined;
  }

  /** The end of a cell all of whose parts have run: the user's expressions. */
  async close(): Promise<ExecuteOutcome> {
    const { userExpressions = {} } = this.request;
    if (Object.keys(userExpressions).length === 0)
      return { status: "ok", executionCount: this.#executionCount };
    return await this.#run(standIn(""), { userExpressions });
  }

  /** @throws CellOver when the part did not run to its end */
  async #run(compiled: CompiledCell, more: Partial<PartRequest>): Promise<ExecuteOutcome> {
    // One that was interrupted before it began is begun all the same, as all cells are: it is counted.
    if (this.#interrupted && this.#begun) {
      this.emit({ type: "error", error: interruptedEarly.error! });
      throw new CellOver({ ...interruptedEarly, executionCount: this.#executionCount });
    }
    const { code, id, input, silent, lane } = this.request;
    const part = {
      compiled,
      showsValue: false,
      storeHistory: false,
      cellName: versioned(this.#name, ++this.#parts),
    };
    const outcome = await this.session.run(
      { code, id: id ?? this.#name, input, silent, lane, ...part, ...more },
      this.#sink,
    );
    this.#begun = true;
    if (outcome.status !== "ok") throw new CellOver(outcome);
    return outcome;
  }
}

/** JavaScript that is no code of the user's. */
function standIn(javascript: string): CompiledCell {
  const sourceMap = JSON.stringify({ version: 3, sources: [], names: [], mappings: "" });
  return { javascript, sourceMap, endsInExpression: false };
}
