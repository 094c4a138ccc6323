import type { CellCompiler } from "./compiler.js";

/** How the compiler's thread starts. */
export interface CompilerSettings {
  /** Where the notebook lies: local files and packages are looked up from there. */
  directory: string;
  /** Whether inspection gives documentation comments. */
  documentation: boolean;
}

/** What the compiler's thread is asked; everything of {@link CellCompiler} but closing. */
export type CompilerMethod = Exclude<keyof CellCompiler, "close">;

export interface CompilerRequest {
  id: number;
  method: CompilerMethod;
  parameters: unknown[];
}

export type CompilerReply = { id: number; value: unknown } | { id: number; fault: string };
