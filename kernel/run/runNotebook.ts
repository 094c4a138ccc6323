import { mkdir, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Notebook } from "../notebook/format.js";
import { NotebookFormatError, readNotebook } from "../notebook/readNotebook.js";
import type { Session } from "../session/session.js";
import { UsageError } from "../usage.js";
import { settleBackground } from "./backgroundWork.js";
import { cellsToRun, runCells } from "./cellLoop.js";
import { executedNotebook } from "./executedNotebook.js";
import { exitCode, exitCodeFor } from "./exitCode.js";
import { NotebookFolding } from "./notebookFolding.js";
import { withLanguage } from "./notebookLanguage.js";
import { keyboardInput } from "./question.js";
import { applyRunEvent, notStarted, type RunEvent } from "./runState.js";
import { StopRequest } from "./stopRequest.js";
import { processTerminal } from "./terminal.js";
import { TerminalView } from "./terminalView.js";

export interface RunNotebookOptions {
  /** Default `out/<name of the input>`. */
  output?: string;
  /** Writes into the input. Default false: the input is never written. */
  inplace?: boolean;
  /** `name=value` each. */
  parameters?: readonly string[];
  /** Goes on after a cell that fails. Default false. */
  allowErrors?: boolean;
}

/**
 * Runs a notebook and keeps the executed notebook on disk up to date meanwhile.
 *
 * @returns the exit code
 * @throws UsageError before anything is started or written
 */
export async function runNotebookFile(inputPath: string, options: RunNotebookOptions = {}): Promise<number> {
  const input = withLanguage(await openNotebook(inputPath));
  const { notebook, parameters } = await withParameters(input, options.parameters ?? []);
  const outputPath = await chooseOutput(inputPath, options);
  const terminal = processTerminal();
  const view = new TerminalView(terminal, cellsToRun(notebook), outputPath);

  let state = notStarted;
  const origin = { inputPath, outputPath, parameters };
  const file = new NotebookFolding(outputPath, () => executedNotebook(notebook, state, origin));
  const emit = (event: RunEvent): void => {
    // What the executor says on its way out is in no cell.
    if (state.status) return;
    state = applyRunEvent(state, event);
    view.handle(event);
    if (event.type === "cellEvent") file.changed();
    else file.fold();
  };
  try {
    await file.flush();
  } catch (error) {
    throw new UsageError(`moelab run: ${outputPath} cannot be written: ${(error as Error).message}.`);
  }

  let session: Session | undefined;
  using stop = new StopRequest(() => {
    view.stopping();
    void session?.interrupt();
    file.fold();
  });
  emit({ type: "runStarted", time: Date.now() });
  try {
    const { startSession } = await import("../session/startSession.js");
    session = await startSession({
      cwd: dirname(resolve(inputPath)),
      onBackground: (event, cellId) => emit({ type: "cellEvent", cellId, event }),
    });
  } catch (error) {
    emit({ type: "runEnded", time: Date.now(), status: "died" });
    await file.flush();
    process.stderr.write(`moelab run: the executor did not start: ${(error as Error).message}\n`);
    return exitCode.executorDied;
  }
  let status = await runCells(notebook, session, stop, emit, {
    allowErrors: options.allowErrors,
    input: keyboardInput(() => view.interrupted()),
  });
  if (status === "ok") {
    const settled = await settleBackground(session, stop);
    status = settled.status;
    if (status === "error") view.backgroundFailed(settled.error?.traceback ?? []);
  }
  emit({ type: "runEnded", time: Date.now(), status });
  const written = await file.flush().then(
    () => true,
    (error: Error) => {
      process.stderr.write(`moelab run: ${outputPath} could not be written: ${error.message}.\n`);
      return false;
    },
  );
  await session.close();
  await terminal.drained();
  // A run whose result is lost did not succeed.
  return exitCodeFor(status, stop.signal) || (written ? exitCode.ok : exitCode.cellError);
}

/** The part of `--help` that lists a notebook's parameters. */
export async function parametersHelp(path: string): Promise<string> {
  const notebook = await openNotebook(path);
  const { notebookParameters, declaredType, parametersTag } = await import("../notebook/parameters.js");
  const declared = notebookParameters(notebook) ?? [];
  if (declared.length === 0) {
    return `${path} has no parameters: no code cell tagged "${parametersTag}" declares variables.\n`;
  }
  const rows = declared.map((each) => [
    `${each.name}: ${declaredType(each)}`,
    each.defaultText === undefined ? "" : `= ${each.defaultText.replaceAll(/\s+/g, " ")}`,
    each.comment === "" ? "" : `// ${each.comment}`,
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(([name, initial, comment]) =>
    `  ${name.padEnd(widths[0])}  ${initial.padEnd(widths[1])}  ${comment}`.trimEnd(),
  );
  return `Parameters of ${path}:\n${lines.join("\n")}\n`;
}

async function openNotebook(path: string): Promise<Notebook> {
  try {
    return await readNotebook(path);
  } catch (error) {
    if (error instanceof NotebookFormatError) throw new UsageError(`moelab run: ${error.message}`);
    throw new UsageError(`moelab run: ${path} cannot be read: ${(error as Error).message}.`);
  }
}

async function withParameters(
  notebook: Notebook,
  texts: readonly string[],
): Promise<{ notebook: Notebook; parameters: Record<string, unknown> }> {
  if (texts.length === 0) return { notebook, parameters: {} };
  const { readParameters, injectParameters, ParameterError } = await import("../notebook/parameters.js");
  try {
    const values = readParameters(notebook, texts);
    return {
      notebook: injectParameters(notebook, values),
      parameters: Object.fromEntries([...values].map(jsonEntry)),
    };
  } catch (error) {
    if (error instanceof ParameterError) throw new UsageError(`moelab run: ${error.message}`);
    throw error;
  }
}

/** JSON has no bigints, infinities and undefined; they are recorded as text. */
function jsonEntry([name, value]: [string, unknown]): [string, unknown] {
  const hasJson =
    typeof value === "number" ? Number.isFinite(value) : typeof value !== "bigint" && value !== undefined;
  return [name, hasJson ? value : String(value)];
}

async function chooseOutput(inputPath: string, { output, inplace }: RunNotebookOptions): Promise<string> {
  if (inplace && output !== undefined) {
    throw new UsageError("moelab run: expected either --output or --inplace, got both.");
  }
  if (inplace) return inputPath;
  const path = output ?? join("out", basename(inputPath));
  const same = async (): Promise<boolean> => (await realpath(path)) === (await realpath(inputPath));
  if (await same().catch(() => false)) {
    throw new UsageError(
      `moelab run: the output ${path} is the input itself. Choose another with -o FILE, or say --inplace.`,
    );
  }
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw new UsageError(`moelab run: the folder of ${path} cannot be made: ${(error as Error).message}.`);
  }
  return path;
}
