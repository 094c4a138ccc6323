import type { DividedCell } from "../magics/cellParts.js";

/** A place in a cell, as editors count: zero-based lines and zero-based UTF-16 columns. */
export interface CellPosition {
  line: number;
  column: number;
}

export interface CellDiagnostic {
  /** TypeScript's number, for example 2322 for "Type … is not assignable to type …". */
  code: number;
  message: string;
  start: CellPosition;
  /** Exclusive. */
  end: CellPosition;
  /** Path relative to the notebook's directory when the fault is in an imported file, not in the cell. */
  fileName?: string;
}

/** A cell as JavaScript for V8's REPL mode. */
export interface CompiledCell {
  javascript: string;
  /** JSON text of a version 3 source map from {@link javascript} to the cell. */
  sourceMap: string;
  /** Whether the cell ends in an expression, whose value is then its result. */
  endsInExpression: boolean;
  /** The JavaScript of a cell that is one expression, and nothing else. */
  expression?: string;
}

/** Either the cell is clean and compiled, or nothing of it may run. */
export type CompileOutcome = { ok: true; cell: CompiledCell } | FaultyCell;

export interface FaultyCell {
  ok: false;
  diagnostics: CellDiagnostic[];
  /** All faults are of types: told to, the cell would run. */
  runsUnchecked: boolean;
}

export interface CompileOptions {
  /** Compiles in spite of type errors. Default: whether the cell begins with `// @ts-nocheck`. */
  unchecked?: boolean;
}

export interface Completion {
  text: string;
  /** TypeScript's kind, for example "method", "const", "interface"; empty when it has none. */
  kind: string;
}

export interface CompletionResult {
  /** What each completion replaces: UTF-16 offsets into the code. */
  start: number;
  end: number;
  completions: Completion[];
}

export interface Inspection {
  /** The declaration as TypeScript prints it. */
  signature: string;
  /** The documentation comment and its tags as markdown; empty when there is none. */
  documentation: string;
}

export type Completeness =
  | { status: "complete" | "invalid" }
  | {
      status: "incomplete";
      /** White space to start the next line with. */
      indent: string;
    };

/**
 * Turns the cells of one notebook into JavaScript, one after another: what a cell declares is known to the next.
 * Cursors and offsets are in UTF-16 units.
 */
export interface CellCompiler {
  /** Checks and compiles; the declarations of a clean cell are kept for those that follow. */
  compile(code: string, cellName: string, options?: CompileOptions): Promise<CompileOutcome>;
  complete(code: string, cursor: number): Promise<CompletionResult>;
  /** What stands at the cursor, or just before it; null when nothing with a type does. */
  inspect(code: string, cursor: number): Promise<Inspection | null>;
  isComplete(code: string): Promise<Completeness>;
  /** The magics of a cell and the code between them. */
  divide(code: string): Promise<DividedCell>;
  /** An expression, or a few statements, as JavaScript that finds the variables of cells. Nothing is checked. */
  toJavaScript(code: string): Promise<string>;
  /** Zero-based lines of a cell of which something runs. */
  codeLines(code: string): Promise<number[]>;
  /** Whether what is thrown at one of the places of a program is caught by a `try` around it in the same function. */
  isGuarded(code: string, places: CellPosition[]): Promise<boolean>;
  /** Looks modules up anew, such as packages that were just installed; from another directory, if one is given. */
  lookFrom(directory?: string): Promise<void>;
  /** Forgets what cells declared; for a fresh executor. */
  reset(): Promise<void>;
  /** Gives up checks that take long: their {@link compile} rejects. What earlier cells declared stays known. */
  cancelChecks(): Promise<void>;
  close(): Promise<void>;
}
