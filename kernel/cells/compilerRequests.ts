import type { CellCompiler } from "./compiler.js";

/** How a compiler process starts; its working directory is the notebook's. */
export interface CompilerSettings {
  /** Where the notebook lies: local files and packages are looked up from there. */
  directory: string;
  /** Whether inspection has to give documentation comments: without, a start that finds no image takes less time. */
  documentation: boolean;
  /** Whether a lean compiler goes ahead of the whole one. Default true. */
  lean?: boolean;
}

/** What a compiler must know of the cells before, to go on in place of another. */
export interface CompilerState {
  /** What cells declared, as the text of a declaration file. */
  declarations: string;
  /** Names of globals that cells declared anew. */
  shadowedGlobals: string[];
  /** Where modules are looked up from. */
  directory: string;
}

/**
 * What the compiler process is asked: everything of {@link CellCompiler} but closing, to go on for another, and to get
 * ready for a cell.
 */
export type CompilerMethod = Exclude<keyof CellCompiler, "close" | "cancelChecks"> | "restore" | "warmUp";

/** Requests and replies are lines of JSON; replies come in the order of the requests. */
export interface CompilerRequest {
  id: number;
  method: CompilerMethod;
  parameters: unknown[];
}

export type CompilerReply =
  /** The first line. `outdated`: the image that it started from should be made anew. */
  | { ready: true; outdated: boolean }
  | {
      id: number;
      /** Left out by a lean compiler that cannot tell. */
      value?: unknown;
      /** Where it differs from what the last reply said. */
      state?: CompilerState;
    }
  | { id: number; fault: string };

/** The compiler process reads requests from this descriptor and writes replies to it. */
export const channelDescriptor = 3;
