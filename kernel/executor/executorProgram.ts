import { Console } from "node:console";
import path from "node:path";
import process from "node:process";
import { inspect, stripVTControlCharacters } from "node:util";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { cellGlobal } from "../cells/cellGlobal.js";
import { shownValue } from "../display/shownValue.js";
import { ExecutorMagics } from "../magics/executor/magics.js";
import { Sources } from "../traceback/sources.js";
import { StackTraces } from "../traceback/stackTraces.js";
import { KernelInterrupt } from "./cancellation.js";
import { cellGlobals } from "./cellGlobals.js";
import type { CellRun } from "./cellRun.js";
import { CellStream } from "./cellStream.js";
import { reportChildProcesses } from "./childReports.js";
import { installDisposables } from "./disposables.js";
import { Executor } from "./executor.js";
import { ModuleImport } from "./moduleImport.js";
import { NotebookComms } from "./notebookComms.js";
import { NotebookHost } from "./notebookHost.js";
import { Outputs } from "./outputs.js";
import { SharedState } from "./sharedState.js";
import type { ControlWorkerData, InputAnswer, ToControl, ToMain } from "./threads.js";

/**
 * The program of an executor process: cells run on this thread, a control worker holds the channel to the kernel
 * process. Started by `main.js <address> <identity> <file> [comms]` in the folder of the file that the cells stand for,
 * with a pipe on descriptor 3 that closes when its parent is gone. `comms` says that a front end takes part in comms.
 */

const [address, identity, file, frontEnd] = process.argv.slice(2);
const shared = new SharedState();
const answers = new MessageChannel();
const workerData: ControlWorkerData = {
  address,
  identity,
  shared: shared.buffer,
  inputAnswers: answers.port1,
};
const control = new Worker(new URL("./controlWorker.js", import.meta.url), {
  workerData,
  transferList: [answers.port1],
});
const post = (message: ToControl, transferred: ArrayBuffer[] = []) =>
  control.postMessage(message, transferred);

const outputs = new Outputs(post, shared, identity);
const modules = new ModuleImport(path.join(process.cwd(), file));
const sources = new Sources(() => modules.loadedSources());
const traces = new StackTraces(sources);
const executor = new Executor(outputs, shared, sources, traces);

const home = process.cwd();
const magics = new ExecutorMagics({
  get signal() {
    return executor.currentCell.cancellation.signal;
  },
  writer: () => {
    const cell = executor.currentCell;
    return (name, text) => outputs.write(cell, name, text);
  },
  atEnd: (listener) => executor.currentCell.endListeners.push(listener),
  home,
  importFrom: (directory) => {
    modules.importFrom(directory);
    (globalThis as any).require = modules.require;
  },
});

const comms = new NotebookComms(outputs, executor, reportUncaught);
const host = new NotebookHost(outputs, executor, shared, frontEnd === "comms" ? comms : null, ask);

let inputs = 0;
function ask(cell: CellRun, prompt: string, password: boolean): string | null {
  const { number, settled } = cell;
  outputs.askInput({ type: "input", cell: number, input: ++inputs, prompt, password }, !settled);
  shared.waitForInput();
  const { value, interrupted }: InputAnswer = receiveMessageOnPort(answers.port2)!.message;
  if (interrupted) throw new KernelInterrupt("The cell was interrupted while it waited for input.");
  return value;
}

/**
 * Exit only when the control worker has closed its socket: Node aborts while a ZeroMQ receive is pending. What exit
 * handlers print goes through that socket, so they run before.
 */
const exitProcess = process.exit.bind(process);
function exit(code?: number | string | null): never {
  if (code !== undefined && code !== null) process.exitCode = code;
  runExitHandlers();
  const status = Number(process.exitCode ?? 0);
  post({ type: "exit", code: status });
  shared.waitForClosedChannel(2000);
  executor.close();
  return exitProcess(status);
}

/** As Node would; it leaves out handlers that have run. One of them may call `process.exit` itself. */
function runExitHandlers(): void {
  const node = process as typeof process & { _exiting?: boolean };
  if (node._exiting) return;
  node._exiting = true;
  try {
    process.emit("exit", Number(process.exitCode ?? 0));
  } catch (thrown) {
    reportUncaught("Uncaught", thrown);
  }
}

function installGlobals(): void {
  installDisposables();
  const stream = (fd: number, name: "stdout" | "stderr") =>
    new CellStream(fd, (text) => outputs.write(executor.currentCell, name, text));
  const streams = { stdout: stream(1, "stdout"), stderr: stream(2, "stderr") };
  for (const real of [process.stdout, process.stderr]) {
    // Node opened them for the worker and made their descriptors non-blocking, with which native code loses what a full
    // pipe does not take.
    (real as { _handle?: { setBlocking?(blocking: boolean): void } })._handle?.setBlocking?.(true);
  }
  for (const [name, value] of Object.entries(streams)) {
    Object.defineProperty(process, name, { value, configurable: true, enumerable: true });
  }
  process.exit = exit;
  Object.assign(globalThis, cellGlobals(host), {
    // Node's own console also feeds the inspector, which would keep a thousand logged values alive.
    console: new Console(streams),
    require: modules.require,
    [Symbol.for("moelab.host")]: host,
  });
  Object.defineProperty(globalThis, cellGlobal, {
    value: Object.freeze({
      import: modules.import,
      meta: modules.meta,
      hold: executor.held.hold,
      holdUncaught: executor.held.holdUncaught,
      holdEach: executor.held.holdEach,
      showUncaught: (shown: boolean) => {
        executor.uncaught.shown = shown;
      },
      text: inspect,
      magics,
      show: shownValue,
    }),
  });
  traces.install();
}

function reportUncaught(what: string, thrown: unknown): void {
  const { traceback } = traces.report(thrown);
  // A stream may go anywhere, so it has no colours.
  const text = stripVTControlCharacters(traceback.join("\n"));
  outputs.write(executor.currentCell, "stderr", `${what}: ${text}\n`);
  process.exitCode ||= 1; // of a script, which must not seem to have succeeded
}
process.on("uncaughtException", (thrown) => reportUncaught("Uncaught", thrown));
process.on("unhandledRejection", (thrown, promise) => {
  if (!executor.uncaught.takes(promise, thrown)) reportUncaught("Unhandled rejection", thrown);
});
// Interrupts come through the channel; a Ctrl-C in a terminal must not end the process.
process.on("SIGINT", () => {});

control.on("message", (message: ToMain) => {
  if (message.type === "run") {
    shared.cellStarts();
    executor.run(message);
  } else if (message.type === "comm") executor.deliver(message.cell, () => comms.receive(message));
  else if (message.type === "ping") {
    shared.endNow = false;
    // Listeners run in this; one that does not return is to be terminated, so the answer comes after.
    executor.abort();
    shared.acknowledgedPing = message.ping;
  } else if (message.type === "interrupted") {
    if (message.terminated) host.terminated();
    executor.settleInterrupted(message);
    shared.acknowledgedPing = message.ping;
  } else exit(message.code);
});

reportChildProcesses((pid, ended) => post({ type: "child", pid, cell: executor.currentCell.number, ended }));
installGlobals();
void executor
  .open()
  .then(() => outputs.send({ type: "ready", pid: process.pid, nodeVersion: process.version }));
