import { Socket } from "node:net";
import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { ExecutorEnd } from "../channel/executorEnd.js";
import type { ToExecutor, ToKernel } from "../channel/messages.js";
import { removeSocketFolder } from "../channel/socketFolder.js";
import { ChildProcesses } from "./childProcesses.js";
import { Interruption } from "./interruption.js";
import { MainInspector } from "./mainInspector.js";
import { SharedState } from "./sharedState.js";
import { StreamBatches } from "./streamBatches.js";
import { SystemCalls } from "./systemCalls.js";
import type { ControlWorkerData, InputAnswer, ToControl, ToMain } from "./threads.js";

/**
 * The thread of an executor that is never busy: it carries messages between the kernel process and the main thread,
 * and stops the main thread when the user interrupts.
 */

const data: ControlWorkerData = workerData;
const shared = new SharedState(data.shared);
const postToMain = (message: ToMain, transferred: ArrayBuffer[] = []) =>
  parentPort!.postMessage(message, transferred);

/** Time for a busy main thread to begin its exit before the process is killed, in milliseconds. */
const busyGrace = 300;
/** What a cell shows that was interrupted, but does not return from native code. */
function nativeCodeNotice(systemCall: string): string {
  const does = systemCall === "" ? "is at work" : `waits for the operating system (${systemCall})`;
  return (
    `Interrupted, but native code ${does}, which can only be stopped where it returns to JavaScript. ` +
    "The cell ends there; a restart of the kernel ends it now and loses all variables.\n"
  );
}
/** What a cell shows that was interrupted, listens to its signal and goes on. */
const patienceNotice =
  "Interrupted: the cell was told to stop and has 5 s to do so by itself; a second interrupt ends it at once.\n";
/** What a cell shows that cannot begin. */
const waitsNotice =
  "This cell waits: code of another shell computes without a pause, and all share one thread. It begins when that code " +
  "awaits or ends; meanwhile an expression without effects is answered.\n";
/** So long a cell waits before it says so, in milliseconds. */
const waitsNoticeTime = 1000;

/** Time for exit handlers before the process is killed, in milliseconds. */
const exitGrace = 1500;

const inspector = new MainInspector((event) => end.send(JSON.stringify(event)));

/** What was handed to the main thread and is not done: a cell, or what a comm message sets off. */
const running = new Map<number, "run" | "comm">();
const children = new ChildProcesses(running);
const systemCalls = new SystemCalls();
const interruption = new Interruption(shared, postToMain, running, {
  inspector,
  interruptChildren: () => void children.interrupt(),
  killChildren: (all) => void children.killAwaited(all),
  endSystemCall: () => systemCalls.end(),
  systemCallEnded: () => systemCalls.ended(),
  explain: () => streams.add(newestCell, "stderr", nativeCodeNotice(systemCalls.describe())),
  explainPatience: () => streams.add(newestCell, "stderr", patienceNotice),
});

let newestCell = 0;
let cells = 0;
let askedInput = 0;

function answerInput(answer: InputAnswer): void {
  askedInput = 0;
  data.inputAnswers.postMessage(answer);
  shared.answerInput();
}

function receive(message: ToExecutor, received: Uint8Array[]): void {
  switch (message.type) {
    case "run":
      newestCell = Math.max(newestCell, message.cell);
      if (running.size > 0) setTimeout(noticeWait, waitsNoticeTime, message.cell, ++cells);
      else cells++;
      running.set(message.cell, "run");
      interruption.handOver(message);
      break;
    case "interrupt":
      if (askedInput !== 0) answerInput({ value: null, interrupted: true });
      void interruption.interrupt(newestCell);
      break;
    case "inputReply":
      if (message.input === askedInput) answerInput({ value: message.value, interrupted: false });
      break;
    case "inspect":
      void inspect(message);
      break;
    case "comm": {
      newestCell = Math.max(newestCell, message.cell);
      // ZeroMQ's memory cannot change threads: one copy, which then moves.
      const buffers = received.map((buffer) => new Uint8Array(buffer));
      running.set(message.cell, "comm");
      interruption.handOver(
        { ...message, buffers },
        buffers.map(({ buffer }) => buffer),
      );
      break;
    }
    case "consumed":
      shared.removeUnsent(message.length);
      break;
    case "shutdown":
      postToMain({ type: "exit", code: 0 });
      killAfter(busyGrace);
      break;
  }
}

/** Tells the user why a cell of another lane does not begin; it is the `ordinal`-th that was handed over. */
function noticeWait(cell: number, ordinal: number): void {
  if (shared.startedCells < ordinal && running.has(cell)) streams.add(cell, "stderr", waitsNotice);
}

async function inspect({ request, commands }: Extract<ToExecutor, { type: "inspect" }>): Promise<void> {
  const answers = await Promise.all(commands.map((command) => inspector.ask(command)));
  end.send(JSON.stringify({ type: "inspected", request, answers } satisfies ToKernel));
}

/** Ends the process and whatever it started; nothing of it may outlive the kernel. */
function kill(): void {
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    process.kill(process.pid, "SIGKILL");
  }
}

let killing: NodeJS.Timeout | undefined;
function killAfter(milliseconds: number): void {
  clearTimeout(killing);
  killing = setTimeout(kill, milliseconds);
}

const end = new ExecutorEnd(data.address, data.identity, receive);
const streams = new StreamBatches((json) => end.send(json));

parentPort!.on("message", async (message: ToControl) => {
  if (Array.isArray(message)) return streams.add(...message);
  if (typeof message !== "string" && message.type === "child") {
    if (message.ended) children.ended(message.pid);
    else children.started(message.pid, message.cell);
    return;
  }
  streams.flush();
  if (typeof message === "string") end.send(message);
  else if (message.type === "comm") end.send(message.json, message.buffers);
  else if (message.type === "done") {
    running.delete(message.cell);
    end.send(message.json);
  } else if (message.type === "input") {
    askedInput = message.input;
    // Nobody answers for a cell that is to stop.
    if (message.running && message.cell <= shared.interruptedThrough)
      answerInput({ value: null, interrupted: true });
    else end.send(message.json);
  } else {
    killAfter(exitGrace);
    end.send(JSON.stringify({ type: "exiting", code: message.code }));
    await end.close();
    inspector.close();
    shared.channelIsClosed();
  }
});

// Descriptor 3 is a pipe that the parent holds: it closes when the parent is gone, however it went.
const lifeline = new Socket({ fd: 3 });
function orphaned(): void {
  removeSocketFolder(data.address);
  kill();
}
lifeline.on("error", orphaned);
lifeline.on("close", orphaned);
lifeline.resume();
