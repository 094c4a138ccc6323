import { parentPort, workerData } from "node:worker_threads";
import type { CompilerReply, CompilerRequest, CompilerSettings } from "./compilerRequests.js";

/** The thread in which cells are checked. TypeScript and tslab take the working directory from the process. */
const { directory, documentation }: CompilerSettings = workerData;
process.cwd = () => directory;

const { TslabCompiler } = await import("./tslabCompiler.js");
const compiler: any = new TslabCompiler(directory, documentation);

parentPort!.on("message", ({ id, method, parameters }: CompilerRequest) => {
  let reply: CompilerReply;
  try {
    reply = { id, value: compiler[method](...parameters) };
  } catch (fault) {
    reply = { id, fault: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault) };
  }
  parentPort!.postMessage(reply);
});
