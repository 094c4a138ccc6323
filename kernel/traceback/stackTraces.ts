import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { FaultReport } from "../channel/messages.js";
import { withoutQueries } from "../executor/moduleQueries.js";
import { bold, grey, red } from "./colours.js";
import { attempt, className, detailsOf, headOf, isError, messageOf, printed } from "./errorParts.js";
import { excerpt } from "./excerpt.js";
import { type Frame, type FrameLine, framesOf, ownerOf, relevant, withoutShared } from "./frames.js";
import type { Sources } from "./sources.js";

/** Where the executor starts cells: this frame and all that called it are of no use to the author of a cell. */
const evaluatorFrame = /\/kernel\/executor\/evaluator\.js/;
/** The same holds for these, wherever they stand. */
const hiddenFrames = /\/kernel\/(executor|display)\/|node:internal\/|node:inspector/;
const promiseFrame = /^new Promise \(<anonymous>\)$/;

/** Node keeps ten frames, which libraries alone may fill. */
const stackFrames = 30;

const mostCauses = 5;
/** Errors of one `AggregateError` that are shown. */
const mostErrors = 10;
/** Errors with their frames in one report. */
const mostShown = 20;
/** Lines around the one where an error was thrown, and around those that led there. */
const contextOfFault = 2;
const contextOfCall = 1;

/** Shows faults at the TypeScript lines of cells and files. */
export class StackTraces {
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Every `stack` in this process names cells, TypeScript lines and columns from now on. */
  install(): void {
    Error.stackTraceLimit = stackFrames;
    Error.prepareStackTrace = (error, frames) => {
      const text = (frame: NodeJS.CallSite) =>
        attempt(() => this.#frameText(frame), "(a frame that cannot be read)");
      const lines = visible(frames.map(text));
      return [headOf(error), ...lines.map((text) => `    at ${text}`)].join("\n");
    };
  }

  /** Anything that may be thrown, as a front end shows it. */
  report(thrown: unknown): FaultReport {
    if (isError(thrown)) {
      return { name: className(thrown), message: messageOf(thrown), traceback: this.#traceback(thrown) };
    }
    const text = printed(thrown);
    return { name: typeof thrown, message: text, traceback: red(`Thrown: ${text}`).split("\n") };
  }

  /**
   * @param outer the error that this one is a part of
   * @param shown all errors of the report so far
   */
  #traceback(error: Error, outer?: Error, shown = new Set<unknown>(), depth = 0): string[] {
    shown.add(error);
    const frames = relevant(stackFramesOf(error));
    const lines = [
      ...red(headOf(error)).split("\n"),
      ...this.#frameLines(outer ? withoutShared(frames, relevant(stackFramesOf(outer))) : frames),
      ...detailsOf(error).map((line) => `    ${line}`),
    ];
    const add = (label: string, part: unknown) => {
      const [first, ...rest] = this.#partLines(part, error, shown, depth + 1);
      lines.push(...[`${label}: ${first}`, ...rest].map((line) => `  ${line}`));
    };
    const errors = attempt(() => (error as AggregateError).errors, undefined);
    if (Array.isArray(errors)) {
      for (const each of errors.slice(0, mostErrors)) add("[error]", each);
      if (errors.length > mostErrors) lines.push(grey(`  … ${errors.length - mostErrors} more errors`));
    }
    const cause = attempt(() => error.cause, undefined);
    if (cause !== undefined) add("[cause]", cause);
    return lines;
  }

  /** What is shown of a cause, or of an error within an `AggregateError`. */
  #partLines(part: unknown, outer: Error, shown: Set<unknown>, depth: number): string[] {
    if (!isError(part)) return printed(part).split("\n");
    if (shown.has(part)) return [`${headOf(part)} (shown above)`];
    if (depth > mostCauses || shown.size >= mostShown) return red(headOf(part)).split("\n");
    return this.#traceback(part, outer, shown, depth);
  }

  #frameLines(frames: FrameLine[]): string[] {
    let context = contextOfFault;
    const lines: string[] = [];
    for (const frame of frames) {
      if ("hidden" in frame) {
        const counted = `${frame.hidden} ${frame.hidden === 1 ? "frame" : "frames"}`;
        lines.push(`    ${grey(`… ${counted}${frame.note}`)}`);
        continue;
      }
      const isUser = frame.owner === "user";
      lines.push(`    ${(isUser ? bold : grey)(`at ${this.#shortened(frame)}`)}`);
      const source = isUser && frame.file ? this.#sources.lines(frame.file) : undefined;
      if (!source) continue;
      lines.push(...excerpt(source, frame, context).map((line) => `      ${line}`));
      context = contextOfCall;
    }
    return lines;
  }

  /** Paths as short as they can be: the user's from the working directory on, a package's from its name on. */
  #shortened({ text, file, owner }: Frame): string {
    if (!file || owner === "builtin" || owner === "node") return text;
    // Operators are compiled when they are first called.
    if (owner === "moelab" && text.includes("(eval at ")) return text.replace(/\(eval at .*\)$/, "(moelab)");
    if (owner === "moelab") return text.replace(file, `moelab${file.split("/dist/src").at(-1)}`);
    if (owner !== "user") return text.replace(/(?:file:\/\/)?[^()]*\/node_modules\//, "");
    const place = file.startsWith("file:") ? attempt(() => fileURLToPath(file), file) : file;
    if (!path.isAbsolute(place)) return text;
    const relative = attempt(() => path.relative(process.cwd(), place), place);
    return text.replace(file, relative.startsWith("..") ? place : relative);
  }

  #frameText(frame: NodeJS.CallSite): string {
    const text = String(frame);
    if (frame.isEval()) return this.#evalText(text);
    const file = frame.getScriptNameOrSourceURL();
    const line = frame.getLineNumber();
    const column = frame.getColumnNumber();
    if (!file || line === null || column === null) return text;
    const original = this.#sources.original(file, { line, column });
    if (!original) return ownerOf(file) === "user" ? text.replace(file, withoutQueries(file)) : text;
    return text.replace(
      `${file}:${line}:${column}`,
      `${withoutQueries(file)}:${original.line}:${original.column}`,
    );
  }

  /** The frame of code that `eval` runs names the place of the call inside its text; of a cell's own code it has no name. */
  #evalText(text: string): string {
    return text
      .replace(/eval at <anonymous> \(:\d+:\d+\), /, "")
      .replace(/([^\s()]+):(\d+):(\d+)/g, (whole, file, line, column) => {
        const original = this.#sources.original(file, { line: Number(line), column: Number(column) });
        return original ? `${withoutQueries(file)}:${original.line}:${original.column}` : whole;
      });
  }
}

function stackFramesOf(error: Error): Frame[] {
  return framesOf(attempt(() => (typeof error.stack === "string" ? error.stack : ""), ""));
}

function visible(frames: string[]): string[] {
  const start = frames.findIndex((text) => evaluatorFrame.test(text));
  const above = start < 0 ? frames : frames.slice(0, start);
  if (start > 0 && promiseFrame.test(above.at(-1)!)) above.pop();
  return above.filter((text) => !hiddenFrames.test(text));
}
