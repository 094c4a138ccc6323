import { parentPort, workerData } from "node:worker_threads";
import type { CompilerMethod, CompilerReply, CompilerRequest, CompilerSettings } from "./compilerRequests.js";

/** The thread in which cells are checked. TypeScript and tslab take the working directory from the process. */
const { directory, documentation }: CompilerSettings = workerData;
let workingDirectory = directory;
process.cwd = () => workingDirectory;

const { TslabCompiler } = await import("./tslabCompiler.js");
const { codeLines } = await import("./emit.js");
const { typescriptOf } = await import("../magics/cellParts.js");
const { MagicLanguage } = await import("../magics/magicLanguage.js");
const typescript = new TslabCompiler(directory, documentation);
const language = new MagicLanguage(typescript);

const methods: Record<CompilerMethod, (...parameters: any[]) => unknown> = {
  compile: (code, cellName, options) => typescript.compile(code, cellName, options),
  complete: (code, cursor) => language.complete(code, cursor),
  inspect: (code, cursor) => language.inspect(code, cursor),
  isComplete: (code) => language.isComplete(code),
  divide: (code) => language.divide(code),
  toJavaScript: (code) => typescript.toJavaScript(code),
  codeLines: (code) => codeLines(typescriptOf(code)),
  lookFrom(moved = workingDirectory) {
    workingDirectory = moved;
    typescript.lookFrom(moved);
  },
  reset() {
    workingDirectory = directory;
    typescript.reset();
  },
};

parentPort!.on("message", ({ id, method, parameters }: CompilerRequest) => {
  let reply: CompilerReply;
  try {
    reply = { id, value: methods[method](...parameters) };
  } catch (fault) {
    reply = { id, fault: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault) };
  }
  parentPort!.postMessage(reply);
});
