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
 * A script ends when nothing is left that could call it back, as under Node: timers, connections, servers, child
 * processes, files. What the executor itself holds is not among these kinds, or is there from the beginning.
 */
const awaitedResources =
  "Timeout|TCPServerWrap|TCPSocketWrap|PipeServerWrap|UDPWrap|ProcessWrap|FSReqCallback|FSReqPromise|GetAddrInfoReqWrap";

/** Code that notes, before a script runs, which resources are the executor's own. */
export const noteOwnResources = `(globalThis as any)[Symbol.for("moelab.resources")] = () =>
  process.getActiveResourcesInfo().filter((kind: string) => /^(${awaitedResources})$/.test(kind)).length;
(globalThis as any)[Symbol.for("moelab.ownResources")] = (globalThis as any)[Symbol.for("moelab.resources")]();`;

const waitForResources = `for (const symbols = globalThis as any; ; ) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  if (symbols[Symbol.for("moelab.resources")]() <= symbols[Symbol.for("moelab.ownResources")]) break;
}`;

/**
 * Waits, after the last cell, for the work that cells left behind. Its outputs belong to the cells that started it.
 *
 * @param resources whether to wait for timers, connections and the like, too; {@link noteOwnResources} ran before
 * @returns "error" when work failed, "interrupted" when a stop was requested meanwhile
 */
export async function settleBackground(
  session: CellSession,
  stop: StopRequest,
  { resources = false } = {},
): Promise<{ status: CellStatus; error?: CellError }> {
  if (stop.signal) return { status: "ok" };
  return Promise.race([
    session.execute(
      {
        code: resources ? `${waitForBackground}\n${waitForResources}` : waitForBackground,
        silent: true,
        storeHistory: false,
      },
      () => {},
    ),
    stop.abandoned.then(() => ({ status: "interrupted" as const })),
  ]);
}
