import { readFile, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { PartRequest } from "../session/partRequest.js";
import type { Session } from "../session/session.js";
import { UsageError } from "../usage.js";
import { type BackgroundOutcome, noteOwnResources, settleBackground } from "./backgroundWork.js";
import { exitCode, exitCodeFor } from "./exitCode.js";
import { keyboardInput } from "./question.js";
import { StopRequest } from "./stopRequest.js";
import { processTerminal } from "./terminal.js";
import { cellScreen, terminalEvent } from "./terminalView.js";

/**
 * Runs a script as one cell. Its streams pass through as they are; the value of its last expression is not shown.
 *
 * @param args what the script finds behind its name in `process.argv`
 * @returns the exit code
 * @throws UsageError when the script cannot be read
 */
export async function runScript(path: string, args: readonly string[]): Promise<number> {
  const file = resolve(path);
  const code = await readScript(path);
  const terminal = processTerminal();
  let session: Session | undefined;
  using stop = new StopRequest(() => void session?.interrupt());
  try {
    const { startSession } = await import("../session/startSession.js");
    session = await startSession({ cwd: dirname(file), script: basename(file) });
  } catch (error) {
    process.stderr.write(`moelab run: the executor did not start: ${(error as Error).message}\n`);
    return exitCode.executorDied;
  }
  if (stop.signal) {
    await session.close();
    return exitCodeFor("interrupted", stop.signal);
  }
  // Imports resolve from the script's folder, where the session starts; all else is as under Node.
  await session.execute(scriptSurroundings(file, args), () => {});
  const screen = cellScreen(terminal, { rawStreams: true });
  const execution = session.execute(
    { code, cellName: path, plain: true, input: keyboardInput(() => {}) },
    (event) => {
      // Whether an error is one, the outcome tells: a script may end by `process.exit`.
      if (event.type !== "result" && event.type !== "error") screen.show(terminalEvent(event, terminal));
    },
  );
  let outcome: BackgroundOutcome = await Promise.race([
    execution,
    stop.abandoned.then(() => ({ status: "interrupted" as const })),
  ]);
  if (outcome.status === "ok") outcome = await settleBackground(session, stop, { script: true });
  const { status, error, exitCode: ownExitCode } = outcome;
  if (error && ownExitCode === undefined) screen.show(terminalEvent({ type: "error", error }, terminal));
  screen.end();
  await session.close();
  await terminal.drained();
  return ownExitCode ?? exitCodeFor(status, stop.signal);
}

/** Gives the script the arguments and the working directory that it expects; runs while the compiler gets ready. */
function scriptSurroundings(file: string, args: readonly string[]): PartRequest {
  const code = `{
    process.argv.splice(1, Infinity, ...${JSON.stringify([file, ...args])});
    process.chdir(${JSON.stringify(process.cwd())});
    ${noteOwnResources}
  }`;
  const sourceMap = JSON.stringify({ version: 3, sources: [], names: [], mappings: "" });
  const compiled = { javascript: code, sourceMap, endsInExpression: false };
  return { code, compiled, showsValue: false, silent: true, storeHistory: false };
}

async function readScript(path: string): Promise<string> {
  try {
    if ((await stat(path)).isDirectory()) throw new Error("it is a folder");
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`moelab run: ${path} cannot be read: ${(error as Error).message}.`);
  }
}
