import type { CellError, CellStatus } from "../session/events.js";
import type { CellSession } from "./cellLoop.js";
import type { StopRequest } from "./stopRequest.js";

/**
 * Work that goes on after the cell that started it, such as a training run, is not to be cut off by the notebook's
 * end. Whoever starts such work in the executor adds its promise to the set
 * `globalThis[Symbol.for("moelab.background")]` (and makes the set if there is none); settled promises may be
 * removed.
 */
const waitForBackground = `{
  const awaited = new Set<unknown>();
  for (;;) {
    const known: Iterable<unknown> = (globalThis as any)[Symbol.for("moelab.background")] ?? [];
    const pending = [...known].filter((work) => !awaited.has(work));
    if (pending.length === 0) break;
    for (const work of pending) awaited.add(work);
    await Promise.all(pending);
  }
}`;

/**
 * Waits, after the last cell, for the work that cells left behind. Its outputs belong to the cells that started it.
 *
 * @returns "error" when work failed, "interrupted" when a stop was requested meanwhile
 */
export async function settleBackground(
  session: CellSession,
  stop: StopRequest,
): Promise<{ status: CellStatus; error?: CellError }> {
  if (stop.signal) return { status: "ok" };
  return Promise.race([
    session.execute({ code: waitForBackground, silent: true, storeHistory: false }, () => {}),
    stop.abandoned.then(() => ({ status: "interrupted" as const })),
  ]);
}
