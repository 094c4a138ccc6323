import type { CellError } from "./events.js";

/** How an executor process ended. */
export interface ExitReport {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines that native code, or Node itself, wrote to standard error. */
  nativeErrors: string[];
  /** User code called `process.exit`. */
  exitedByCell: boolean;
  /** The session stopped it: it restarted or closed. */
  stopped: boolean;
}

const likelyCauses: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: "often the system's answer to a lack of memory",
  SIGSEGV: "native code used memory that it does not own",
  SIGBUS:
    "native code used memory that is not there, such as a mapped file that shrank or full shared memory",
  SIGABRT: "native code or Node gave up, for lack of memory or because of a broken assumption",
  SIGILL: "native code uses instructions that this processor lacks",
  SIGFPE: "native code divided an integer by zero",
};

/** What Node says on standard error before it gives up. */
const heapFull = /FATAL ERROR:.*\b(heap|memory)\b/i;

/** One sentence on the end of an executor. */
export function describeExit(exit: ExitReport): string {
  if (exit.stopped) return "The session was restarted or closed.";
  if (exit.exitedByCell) return `The cell called process.exit(${exit.code ?? 0}).`;
  if (exit.nativeErrors.some((line) => heapFull.test(line))) {
    return (
      "The executor ended because the heap of JavaScript was full (tensors are not in it; " +
      "NODE_OPTIONS=--max-old-space-size=MEBIBYTES gives it more)."
    );
  }
  if (exit.signal === null) return `The executor exited with code ${exit.code}.`;
  const cause = likelyCauses[exit.signal];
  return `The executor was ended by ${exit.signal}${cause ? ` (${cause})` : ""}.`;
}

const consequence = "All variables are lost. A fresh executor starts for the next cell.";

/** The error of the cell that was running. */
export function executorDied(exit: ExitReport): CellError {
  const name = "ExecutorDied";
  const message = `${describeExit(exit)} ${consequence}`;
  const native =
    exit.nativeErrors.length > 0
      ? ["Last lines of native standard error:", ...exit.nativeErrors.map((line) => `  ${line}`)]
      : [];
  return { name, message, traceback: [`${name}: ${describeExit(exit)}`, ...native, consequence] };
}
