import type { CellCompiler } from "./compiler.js";

/** What the compiler's thread is asked; everything of {@link CellCompiler} but closing. */
export type CompilerMethod = Exclude<keyof CellCompiler, "close">;

export interface CompilerRequest {
  id: number;
  method: CompilerMethod;
  parameters: unknown[];
}

export type CompilerReply = { id: number; value: unknown } | { id: number; fault: string };
