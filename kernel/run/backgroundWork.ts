import type { ExecuteOutcome } from "../session/events.js";
import type { CellSession } from "./cellLoop.js";
import type { StopRequest } from "./stopRequest.js";

/**
 * Work that goes on after the cell that started it, such as a training run, is not to be cut off by the notebook's
 * end. The API tells about it by `inBackground` (src/host.ts), which keeps the promises under `backgroundKey`; this
 * code knows that key by its name, since it runs as a cell.
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

/** JavaScript that notes, before a script runs, which resources are the executor's own. */
export const noteOwnResources = `globalThis[Symbol.for("moelab.resources")] = () =>
  process.getActiveResourcesInfo().filter((kind) => /^(${awaitedResources})$/.test(kind)).length;
globalThis[Symbol.for("moelab.ownResources")] = globalThis[Symbol.for("moelab.resources")]();`;

const waitForResources = `for (const symbols = globalThis as any; ; ) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  if (symbols[Symbol.for("moelab.resources")]() <= symbols[Symbol.for("moelab.ownResources")]) break;
}`;

/** How the work ended; `exitCode` is the one that a script chose. */
export type BackgroundOutcome = Pick<ExecuteOutcome, "status" | "error" | "exitCode">;

/** What the process would exit with under Node, if nothing else decides. */
const processExitCode = { exitCode: "Number(process.exitCode ?? 0)" };

/**
 * Waits, after the last cell, for the work that cells left behind. Its outputs belong to the cells that started it.
 *
 * @param script whether it was a script: timers, connections and the like are awaited, too, and there may be an exit
 *   code; {@link noteOwnResources} ran before
 * @returns "error" when work failed, "interrupted" when a stop was requested meanwhile
 */
export async function settleBackground(
  session: CellSession,
  stop: StopRequest,
  { script = false } = {},
): Promise<BackgroundOutcome> {
  if (stop.signal) return { status: "ok" };
  const code = script ? `${waitForBackground}\n${waitForResources}` : waitForBackground;
  const userExpressions = script ? processExitCode : {};
  const settled = session.execute({ code, userExpressions, silent: true, storeHistory: false }, () => {});
  const outcome = await Promise.race([
    settled,
    stop.abandoned.then(() => ({ status: "interrupted" as const, userExpressions: undefined })),
  ]);
  const ownExitCode = outcome.userExpressions?.exitCode;
  if (ownExitCode?.status !== "ok") return outcome;
  return { ...outcome, exitCode: Number(ownExitCode.data["text/plain"]) };
}
