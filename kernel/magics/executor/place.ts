/** What operations know of the executor that they run in. */
export interface MagicPlace {
  /** Aborted when the running cell is interrupted. */
  readonly signal: AbortSignal;
  /** Writes for the cell that runs now, also when another one runs later. */
  writer(): (name: "stdout" | "stderr", text: string) => void;
  /** Called when the cell that runs now ends, however it ends. */
  atEnd(listener: () => void): void;
  /** Where the session started. */
  readonly home: string;
  /** Cells import from this directory from now on. */
  importFrom(directory: string): void;
}
