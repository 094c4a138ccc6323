import type { MimeBundle } from "../../src/host.js";

/** What the executor puts on `globalThis` for cells; {@link ambientDeclarations} tells the checker the same. */
export interface CellGlobals {
  display(value: unknown, options?: CellDisplayOptions): Promise<void>;
  clearOutput(wait?: boolean): void;
  prompt(message?: string, options?: { password?: boolean }): string | null;
  confirm(message?: string): boolean;
  alert(message?: string): void;
}

export interface CellDisplayOptions {
  /** The value is a mime bundle already. Default false. */
  raw?: boolean;
  /** Names the output, so that a later call with `update: true` replaces it. */
  displayId?: string;
  /** Replaces the outputs named `displayId`. Default false. */
  update?: boolean;
  /** Mime type → metadata. */
  metadata?: MimeBundle;
}

/** The first cell sees these as if an earlier one had declared them, so a notebook may define the names anew. */
export const ambientDeclarations = `
/** Shows a value: its own rich form when it has one (\`[Symbol.for("Jupyter.display")]()\`), else as text. */
declare function display(value: unknown, options?: {
  /** The value is a mime bundle already. Default false. */
  raw?: boolean;
  /** Names the output, so that a later call with \`update: true\` replaces it. */
  displayId?: string;
  /** Replaces the outputs named \`displayId\`. Default false. */
  update?: boolean;
  /** Mime type → metadata. */
  metadata?: Record<string, unknown>;
}): Promise<void>;
/** Clears the outputs of this cell; with \`wait\`, only when the next output arrives. */
declare function clearOutput(wait?: boolean): void;
/** Asks for a line of text and waits for it; null when nobody can answer. */
declare function prompt(message?: string, options?: { password?: boolean }): string | null;
/** Asks for yes or no and waits; false when nobody can answer. */
declare function confirm(message?: string): boolean;
/** Shows a message and waits until it is confirmed. */
declare function alert(message?: string): void;
`;
