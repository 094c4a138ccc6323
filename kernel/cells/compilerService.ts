import { read, writeSync } from "node:fs";
import { typescriptOf } from "../magics/cellParts.js";
import { MagicLanguage } from "../magics/magicLanguage.js";
import { CompilerHeap } from "./compilerHeap.js";
import {
  type CompilerMethod,
  type CompilerReply,
  type CompilerRequest,
  channelDescriptor,
} from "./compilerRequests.js";
import { codeLines } from "./emit.js";
import { isGuarded } from "./guardedPlaces.js";
import type { TslabCompiler } from "./tslabCompiler.js";

function compilerMethods(
  typescript: TslabCompiler,
): Record<CompilerMethod, (...parameters: any[]) => unknown> {
  const language = new MagicLanguage(typescript);
  return {
    compile: (code, cellName, options) => typescript.compile(code, cellName, options),
    complete: (code, cursor) => language.complete(code, cursor),
    inspect: (code, cursor) => language.inspect(code, cursor),
    isComplete: (code) => language.isComplete(code),
    divide: (code) => language.divide(code),
    toJavaScript: (code) => typescript.toJavaScript(code),
    codeLines: (code) => codeLines(typescriptOf(code)),
    isGuarded: (code, places) => isGuarded(typescriptOf(code), places),
    lookFrom: (directory) => typescript.lookFrom(directory),
    reset: () => typescript.reset(),
    restore: (state) => typescript.restore(state),
    warmUp: () => typescript.warmUp(),
  };
}

/** Without a request for so long, what the last one left is cleared away, in milliseconds. */
const idleTime = 20;
/** Without a request for so long, work is done of which one might have to wait for the end, in milliseconds. */
const restTime = 1500;

/**
 * Answers requests until the other end of the channel closes, then ends the process: it never outlives the kernel. Of
 * Node only `node:fs` is used, which works in a process that starts from an image.
 */
export function serve(compiler: TslabCompiler, outdated: boolean): void {
  const methods = compilerMethods(compiler);
  let told: unknown;
  let idle: NodeJS.Timeout | undefined;
  const heap = new CompilerHeap();
  let askedToComplete = false;
  let unread = "";
  const decoder = new TextDecoder();
  const buffer = Buffer.allocUnsafe(64 * 1024);

  const send = (reply: CompilerReply) => {
    let bytes = Buffer.from(`${JSON.stringify(reply)}\n`);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(channelDescriptor, bytes));
    } catch {
      process.exit(0);
    }
  };
  const rest = () => {
    // The first completion takes three times as long as the next, which is felt while a cell has all processors.
    if (!askedToComplete && !compiler.lean) methods.complete("process.", 8);
    askedToComplete = true;
    heap.collect();
  };
  const tidy = () => {
    compiler.tidy();
    idle = setTimeout(rest, restTime);
  };
  const answer = ({ id, method, parameters }: CompilerRequest) => {
    if (method === "complete") askedToComplete = true;
    try {
      // What was left out is null in JSON.
      const value = methods[method](...parameters.map((parameter) => parameter ?? undefined));
      const { state } = compiler;
      send({ id, value, state: state === told ? undefined : state });
      told = state;
    } catch (fault) {
      send({ id, fault: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault) });
    }
  };
  const next = () => {
    read(channelDescriptor, buffer, 0, buffer.length, null, (fault, length) => {
      if (fault || length === 0) process.exit(0);
      clearTimeout(idle);
      unread += decoder.decode(buffer.subarray(0, length), { stream: true });
      const lines = unread.split("\n");
      unread = lines.pop()!;
      for (const line of lines) answer(JSON.parse(line));
      idle = setTimeout(tidy, idleTime);
      next();
    });
  };
  send({ ready: true, outdated });
  idle = setTimeout(tidy, idleTime);
  next();
}
