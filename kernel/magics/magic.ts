import type { CellCompiler } from "../cells/compiler.js";
import type { VariableList } from "../debugger/variableView.js";
import type { CellError, ExecuteOutcome, ExecuteRequest, SessionEvent } from "../session/events.js";
import { bold, red } from "../traceback/colours.js";
import { excerpt } from "../traceback/excerpt.js";
import type { Operations } from "./executor/operations.js";

/** What a magic says of itself, in `%magics`, in completion and in its errors. */
export interface MagicDescription {
  name: string;
  /** One line. */
  summary: string;
  /** Form of its argument, as in `[NAME | NAME=value]`; empty when it takes none. */
  argument: string;
}

/** What a magic does: in the kernel process, with what the cell it stands in offers. */
interface Work<Call> {
  /**
   * Reads the argument, and the lines below in a cell magic. Called before anything of the cell runs.
   * @throws MagicError
   */
  read(argument: string, body: string): Call;
  run(call: Call, cell: MagicCell): Promise<void>;
}

/** The code that a magic stands before runs as it does anywhere, but for this. */
export interface CodeSurroundings {
  /** What the code takes is printed at its end. */
  measured?: boolean;
  /** Type errors do not keep the code from running. */
  unchecked?: boolean;
}

/** Stands before code that runs as part of the cell. */
interface Around {
  around: CodeSurroundings;
}

/** `%name argument` in a line; with `around`, its argument is a statement. */
export type LineMagic = MagicDescription &
  (
    | Around
    | (Work<any> & {
        around?: undefined;
        /** Code below may mean something else than before: it is checked after the magic ran, not before the cell. */
        changesScope?: boolean;
        /** What may stand for an argument that begins like this. */
        complete?(argument: string): string[];
      })
  );

/** `%%name argument` in the first line of a cell. */
export type CellMagic = MagicDescription & {
  /** What the lines below are. */
  body: "typescript" | "other";
} & (Around | (Work<any> & { around?: undefined }));

/** A part of a session that runs the bodies of cells which start with a certain magic, in place of the executor. */
export interface BodyRunner {
  /** Runs a cell's body. Its outputs, and an error, go to `cell.emit`; the outcome says how it ended. */
  run(body: CellBody, cell: MagicCell): Promise<ExecuteOutcome>;
  /** Stops what {@link run} runs. */
  interrupt(): void;
}

export interface CellBody {
  /** The argument of the magic. */
  argument: string;
  /** The lines below the magic; its own line is blank, so that positions are those of the cell. */
  code: string;
  /** Names the cell in tracebacks. */
  cellName: string;
  request: ExecuteRequest;
}

/** What the session does for magics. */
export interface MagicSession {
  readonly compiler: CellCompiler;
  /** Where cells import from, and where faults in imported files are named from. */
  readonly folder: string;
  /** Cells are checked as files of this directory from now on. */
  moveTo(folder: string): Promise<void>;
  /** A fresh executor: no variables, no declarations. Numbers go on. */
  reset(): Promise<void>;
  /** What cells declared and imported. */
  variables(): Promise<VariableList>;
  /** Whoever runs the bodies of this cell magic, if anybody does yet. */
  bodyRunner(name: string): BodyRunner | undefined;
}

/** The cell in which a magic stands, while it runs. */
export interface MagicCell {
  readonly session: MagicSession;
  readonly request: ExecuteRequest;
  /** Names the cell in tracebacks. */
  readonly name: string;
  readonly executionCount: number;
  emit(event: SessionEvent): void;
  /** Calls the listener when the cell is interrupted; what {@link call} started is stopped anyway. */
  onInterrupt(listener: () => void): void;
  /**
   * Does something in the executor, as part of the cell: its outputs are the cell's, an interrupt stops it. Fails as
   * the cell then fails.
   */
  call<Name extends keyof Operations>(
    name: Name,
    parameters: Parameters<Operations[Name]>[0],
  ): Promise<Awaited<ReturnType<Operations[Name]>>>;
}

/** A magic that cannot do what it is asked; its message says why and what to do. */
export class MagicError extends Error {
  override name = "MagicError";
}

/** The cell is over; how it ended was reported. */
export class CellOver extends Error {
  readonly outcome: ExecuteOutcome;

  constructor(outcome: ExecuteOutcome) {
    super(outcome.status);
    this.outcome = outcome;
  }
}

/** What the traceback of a failed magic shows: its line in the cell. */
export function magicFault(error: Error, cellName: string, source: string, line: number): CellError {
  const { name, message } = error;
  const head = red(`${name}: ${message}`);
  const place = { line: line + 1, column: 1 };
  const shown = excerpt(source.split("\n"), place, 2).map((text) => `      ${text}`);
  return { name, message, traceback: [head, `    ${bold(`at ${cellName}:${line + 1}:1`)}`, ...shown] };
}
