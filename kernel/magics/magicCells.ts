import { cellGlobal } from "../cells/cellGlobal.js";
import type { CompiledCell } from "../cells/compiler.js";
import type { CellError, ExecuteOutcome, ExecuteRequest, SessionEvent } from "../session/events.js";
import { interruptedEarly } from "../session/interruptedEarly.js";
import { typeScriptFault } from "../session/typeScriptFault.js";
import type { DividedCell } from "./cellParts.js";
import { CellRunner, type PartSession } from "./cellRunner.js";
import { type CellStep, type CodeStep, stepsOf } from "./cellSteps.js";
import { mayHoldMagics } from "./cellText.js";
import { CellOver, MagicError, magicFault } from "./magic.js";

/** Runs the cells of a session, those with magics part by part. */
export class MagicCells {
  readonly #session: PartSession;
  readonly #running = new Set<CellRunner>();

  constructor(session: PartSession) {
    this.#session = session;
  }

  interrupt(): void {
    for (const cell of this.#running) cell.interrupt();
  }

  /** Runs the magics of a cell and the code between them; undefined when it has no magics. */
  async run(
    request: ExecuteRequest,
    sink: (event: SessionEvent) => void,
  ): Promise<ExecuteOutcome | undefined> {
    if (!mayHoldMagics(request.code)) return undefined;
    const cell = new CellRunner(this.#session, request, sink);
    this.#running.add(cell);
    try {
      const divided = await this.#session.compiler.divide(request.code);
      if (divided.parts.every((part) => part.type === "code") && !cell.interrupted) return undefined;
      if (request.plain && divided.plain) return undefined;
      return await runCell(cell, divided);
    } finally {
      this.#running.delete(cell);
    }
  }
}

async function runCell(cell: CellRunner, { parts }: DividedCell): Promise<ExecuteOutcome> {
  const { request } = cell;
  let line = 0;
  const fail = (error: CellError): ExecuteOutcome => {
    cell.emit({ type: "error", error });
    return { status: "error", executionCount: cell.executionCount, error };
  };
  try {
    await cell.open();
    if (request.plain && parts.length > 0) {
      line = parts.find((part) => part.type === "magic")!.line;
      throw new MagicError("Magics are for cells; a script is plain TypeScript.");
    }
    const steps = stepsOf(parts, (at) => {
      line = at;
    });
    for (const [index, step] of steps.entries()) {
      if (step.type === "magic") {
        line = step.line;
        await step.run({
          session: cell.session,
          request,
          name: cell.name,
          executionCount: cell.executionCount,
          emit: (event) => cell.emit(event),
          onInterrupt: (listener) => cell.onInterrupt(listener),
          call: (operation, parameters) => cell.call(step.line, operation, parameters),
        });
      } else if (step.type === "javascript") await cell.runJavascript(step.javascript);
      else {
        if (!step.compiled) await compileAhead(cell, steps.slice(index));
        const { compiled, partName } = step.compiled!;
        await cell.runCode(withPrologue(compiled, step), partName, index === steps.length - 1);
      }
    }
    return await cell.close();
  } catch (fault) {
    if (fault instanceof CellOver) return fault.outcome;
    if (fault instanceof MagicError) return fail(magicFault(fault, cell.name, request.code, line));
    if (fault instanceof FaultyCode) return fail(fault.error);
    // The check of its code was given up.
    if (cell.interrupted) return { ...fail(interruptedEarly.error!), status: "interrupted" };
    throw fault;
  }
}

class FaultyCode extends Error {
  readonly error: CellError;

  constructor(error: CellError) {
    super(error.message);
    this.error = error;
  }
}

/** Compiles the code down to the next magic that may change what code means: faults show before any of it runs. */
async function compileAhead(cell: CellRunner, steps: CellStep[]): Promise<void> {
  for (const step of steps) {
    if (step.type === "magic" && step.changesScope) break;
    if (step.type !== "code") continue;
    const partName = cell.nextPartName();
    const { unchecked } = step;
    const outcome = await cell.session.compiler.compile(
      step.code,
      partName,
      unchecked ? { unchecked } : undefined,
    );
    if (outcome.ok) step.compiled = { compiled: outcome.cell, partName };
    else throw new FaultyCode(typeScriptFault(outcome, cell.name, cell.request.code, cell.session.folder));
  }
}

/** Statements before the code, in the line that is not the user's anyway. */
function withPrologue(compiled: CompiledCell, { startsTime, printsTime }: CodeStep): CompiledCell {
  const calls = [printsTime ? "printTime" : "", startsTime ? "startTime" : ""].filter((name) => name !== "");
  const statements = calls.map((name) => `${cellGlobal}.magics.${name}();`).join("");
  // A directive comes first, and `void 0` keeps the value of the calls from being the cell's.
  return { ...compiled, javascript: compiled.javascript.replace("void 0;", `${statements}void 0;`) };
}
