import type { CellStatus } from "../session/events.js";

/** What `moelab run` exits with. */
export const exitCode = {
  ok: 0,
  /** A cell or the script failed. */
  cellError: 1,
  /** The command line, the notebook file or a parameter is wrong; nothing was started. */
  usage: 2,
  /** The executor could not be started, or died. */
  executorDied: 4,
} as const;

/** The signals that end a run, and the shell's exit code for each (128 + its number). */
export const stopSignals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export type StopSignal = keyof typeof stopSignals;

/** The exit code of a run that ended with `status`. A signal that came when all was done changes nothing. */
export function exitCodeFor(status: CellStatus, stoppedBy: StopSignal | undefined): number {
  if (status !== "ok" && stoppedBy) return stopSignals[stoppedBy];
  switch (status) {
    case "ok":
      return exitCode.ok;
    case "died":
      return exitCode.executorDied;
    case "error":
      return exitCode.cellError;
    // Interrupted from elsewhere, without a signal to this process.
    case "interrupted":
      return stopSignals.SIGINT;
  }
}
