import type { CellFiles } from "./cellFiles.js";
import type { DapBreakpoint } from "./dap.js";
import type { Debuggee } from "./debuggee.js";
import type { Script, Scripts } from "./scripts.js";

interface Breakpoint {
  id: number;
  /** One-based line of the source. */
  line: number;
  /** JavaScript; empty when there is none. */
  condition: string;
}

export interface RequestedBreakpoint {
  line: number;
  condition?: string;
}

/**
 * Breakpoints by source, as clients set them. V8 gets each for every script that comes from the source, those included
 * that are yet to come.
 */
export class Breakpoints {
  readonly #debuggee: Debuggee;
  readonly #files: CellFiles;
  readonly #scripts: Scripts;
  readonly #byPath = new Map<string, Breakpoint[]>();
  /** Path → V8's names for its breakpoints, of the executor that there is now. */
  readonly #set = new Map<string, string[]>();
  /** Sources whose breakpoints may be on lines without code. */
  readonly #unknown = new Set<string>();
  #ids = 0;

  constructor(debuggee: Debuggee, files: CellFiles, scripts: Scripts) {
    this.#debuggee = debuggee;
    this.#files = files;
    this.#scripts = scripts;
  }

  /** Takes the place of all breakpoints that the source had. One on a line without code moves to the next with some. */
  async replace(path: string, requested: RequestedBreakpoint[]): Promise<DapBreakpoint[]> {
    const lines = await this.#codeLines(path);
    if (lines) this.#unknown.delete(path);
    else this.#unknown.add(path);
    const moved = requested.map(({ line }) => lines?.find((candidate) => candidate >= line) ?? line);
    const conditions = await Promise.all(
      requested.map(({ condition }) => (condition ? this.#debuggee.toJavaScript(condition) : "")),
    );
    const breakpoints = moved.map((line, at) => ({ id: ++this.#ids, line, condition: conditions[at] }));
    if (breakpoints.length > 0) this.#byPath.set(path, breakpoints);
    else this.#byPath.delete(path);
    await this.#remove(path);
    await Promise.all(this.#scripts.of(path).map((script) => this.bind(script)));
    return breakpoints.map(({ id, line }) => {
      if (!lines || lines.includes(line)) return { id, verified: true, line, source: { path } };
      const message = "There is no code on this line or after it.";
      return { id, verified: false, line, message, source: { path } };
    });
  }

  /** Lines were taken as they came for a source that nobody knew then. */
  async #move(path: string): Promise<void> {
    const breakpoints = this.#byPath.get(path);
    if (!breakpoints || !this.#unknown.has(path)) return;
    const lines = await this.#codeLines(path);
    if (!lines) return;
    this.#unknown.delete(path);
    for (const breakpoint of breakpoints) {
      breakpoint.line = lines.find((line) => line >= breakpoint.line) ?? breakpoint.line;
    }
  }

  /** Sets those of a script's source, whether V8 has loaded the script or will. */
  async bind(script: Script): Promise<void> {
    await this.#move(script.path);
    const commands = (this.#byPath.get(script.path) ?? []).flatMap(({ line, condition }) => {
      const place = script.lines ? script.lines.toScript(line - 1) : { line: line - 1, column: 0 };
      if (!place) return [];
      const { line: lineNumber, column: columnNumber } = place;
      const params = { url: script.url, lineNumber, columnNumber, condition };
      return [{ method: "Debugger.setBreakpointByUrl", params }];
    });
    const names = this.#set.get(script.path) ?? [];
    this.#set.set(script.path, names);
    // V8 refuses what is set already.
    for (const answer of await this.#debuggee.inspector.askAll(commands)) {
      if ("result" in answer) names.push(answer.result.breakpointId);
    }
  }

  /** As `debugInfo` tells them. */
  get list(): { source: string; breakpoints: { line: number }[] }[] {
    return [...this.#byPath].map(([source, breakpoints]) => ({
      source,
      breakpoints: breakpoints.map(({ line }) => ({ line })),
    }));
  }

  /** The executor is another one; what is to be set stays. */
  forgetExecutor(): void {
    this.#set.clear();
  }

  clear(): void {
    this.#unknown.clear();
    this.#byPath.clear();
    this.#set.clear();
  }

  async #remove(path: string): Promise<void> {
    const names = this.#set.get(path) ?? [];
    this.#set.delete(path);
    await this.#debuggee.inspector.askAll(
      names.map((breakpointId) => ({ method: "Debugger.removeBreakpoint", params: { breakpointId } })),
    );
  }

  /** One-based; undefined when nobody knows. */
  async #codeLines(path: string): Promise<number[] | undefined> {
    const code = this.#files.codeOf(path);
    const known = this.#scripts.of(path).at(-1)?.lines?.lines;
    const lines = code === undefined ? known : await this.#debuggee.codeLines(code);
    return lines?.map((line) => line + 1);
  }
}
