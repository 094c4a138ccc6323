import { SourceMap } from "node:module";
import { inspect } from "node:util";
import type { FaultReport } from "../channel/messages.js";
import { withoutQueries } from "./moduleQueries.js";
import type { LoadedSource } from "./typescriptHooks.js";

interface KnownSource {
  map: SourceMap;
  lines: string[];
}

/** Where the executor starts cells: this frame and all that called it are of no use to the author of a cell. */
const evaluatorFrame = /\/kernel\/executor\/evaluator\.js/;
/** The same holds for these, wherever they stand. */
const hiddenFrames = /\/kernel\/executor\/|node:internal\/|node:inspector/;
const promiseFrame = /^new Promise \(<anonymous>\)$/;

const mostCauses = 5;

/** Knows the source of every cell and TypeScript file that ran and shows faults at their TypeScript lines. */
export class StackTraces {
  readonly #sources = new Map<string, KnownSource>();
  readonly #loadedSources: () => Iterable<LoadedSource>;

  /** @param loadedSources gives the files that were imported since it was last called */
  constructor(loadedSources: () => Iterable<LoadedSource>) {
    this.#loadedSources = loadedSources;
  }

  /** Every `stack` in this process names cells, TypeScript lines and columns from now on. */
  install(): void {
    Error.prepareStackTrace = (error, frames) => {
      const lines = this.#visible(frames.map((frame) => this.#frameText(frame)));
      return [headOf(error), ...lines.map((text) => `    at ${text}`)].join("\n");
    };
  }

  #visible(frames: string[]): string[] {
    const start = frames.findIndex((text) => evaluatorFrame.test(text));
    const above = start < 0 ? frames : frames.slice(0, start);
    if (start > 0 && promiseFrame.test(above.at(-1)!)) above.pop();
    return above.filter((text) => !hiddenFrames.test(text));
  }

  /** What runs again under its name replaces the earlier source. */
  add(name: string, sourceMap: string, source: string): void {
    const map = new SourceMap(JSON.parse(sourceMap));
    this.#sources.set(name, { map, lines: source.split("\n") });
  }

  #source(name: string): KnownSource | undefined {
    for (const { url, sourceMap, source } of this.#loadedSources()) {
      this.add(url, sourceMap, source);
      // What stacks say.
      this.add(withoutQueries(url), sourceMap, source);
    }
    return this.#sources.get(name);
  }

  /** Anything that may be thrown, as a front end shows it. */
  report(thrown: unknown): FaultReport {
    if (!(thrown instanceof Error)) {
      const text = inspect(thrown);
      return { name: typeof thrown, message: text, traceback: [`Thrown: ${text}`] };
    }
    return { name: className(thrown), message: String(thrown.message), traceback: this.traceback(thrown) };
  }

  /** The lines of an error's stack, with the source line under the innermost known frame, then its causes. */
  traceback(error: Error, depth = 0): string[] {
    const stack = typeof error.stack === "string" ? error.stack : headOf(error);
    const lines: string[] = [];
    let excerpt = false;
    for (const line of stack.split("\n")) {
      lines.push(line);
      const marked: string[] = excerpt ? [] : this.#excerpt(line);
      if (marked.length > 0) {
        lines.push(...marked);
        excerpt = true;
      }
    }
    const details = Object.fromEntries(
      Object.entries(error).filter(([key]) => !["name", "message", "stack", "cause", "errors"].includes(key)),
    );
    if (Object.keys(details).length > 0) lines.push(...inspect(details).split("\n"));
    if (depth >= mostCauses) return lines;
    if (error instanceof AggregateError) {
      for (const each of error.errors) lines.push(...this.#labelled("[error]", each, depth));
    }
    if (error.cause !== undefined) lines.push(...this.#labelled("[cause]", error.cause, depth));
    return lines;
  }

  #labelled(label: string, thrown: unknown, depth: number): string[] {
    const lines = thrown instanceof Error ? this.traceback(thrown, depth + 1) : inspect(thrown).split("\n");
    return [`${label}: ${lines[0]}`, ...lines.slice(1)].map((line) => `  ${line}`);
  }

  #frameText(frame: NodeJS.CallSite): string {
    const text = String(frame);
    const name = frame.getScriptNameOrSourceURL();
    const source = name ? this.#source(name) : undefined;
    const line = frame.getLineNumber();
    const column = frame.getColumnNumber();
    if (!name || !source || line === null || column === null) return text;
    const entry = source.map.findEntry(line - 1, column - 1);
    if (!("originalLine" in entry)) return text;
    return text.replace(
      `${name}:${line}:${column}`,
      `${withoutQueries(name)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`,
    );
  }

  #excerpt(frameLine: string): string[] {
    const place = /^\s+at .*?([^\s()]+):(\d+):(\d+)\)?$/.exec(frameLine);
    const source = place && this.#source(place[1])?.lines[Number(place[2]) - 1];
    if (!place || typeof source !== "string") return [];
    const gutter = " ".repeat(place[2].length);
    const before = source.slice(0, Number(place[3]) - 1).replace(/[^\t]/g, " ");
    return [`      ${place[2]} | ${source}`, `      ${gutter} | ${before}^`];
  }
}

function className(error: Error): string {
  const name = String(error.name || "Error");
  return name === "Error" ? (error.constructor?.name ?? name) : name;
}

function headOf(error: Error): string {
  try {
    const message = String(error.message);
    return message === "" ? className(error) : `${className(error)}: ${message}`;
  } catch {
    return "Error";
  }
}
