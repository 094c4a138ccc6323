import { fileURLToPath } from "node:url";
import { isLocal } from "../executor/localModules.js";
import { withoutQueries } from "../executor/moduleQueries.js";
import type { CellFiles } from "./cellFiles.js";
import type { CellScripts } from "./cellScripts.js";
import { SourceLines } from "./sourceLines.js";

/** A script of the user's that V8 has loaded: a cell or a file. */
export interface Script {
  /** V8's name for it. */
  url: string;
  /** What clients know its source by. */
  path: string;
  /** "cell-3", "gates.ts". */
  name: string;
  /** Null for JavaScript, which is its own source. */
  lines: SourceLines | null;
  /** The TypeScript, where V8 does not have it. */
  source?: string;
  isCell: boolean;
}

const inlineMap = /^data:application\/json[^,]*;base64,/;

/** The user's scripts by V8's numbers. All others (Node's, moelab's, packages') are unknown, hence hidden. */
export class Scripts {
  readonly #files: CellFiles;
  readonly #cells: CellScripts;
  readonly #byId = new Map<string, Script>();

  constructor(files: CellFiles, cells: CellScripts) {
    this.#files = files;
    this.#cells = cells;
  }

  /** Undefined for what is hidden. */
  add({
    scriptId,
    url,
    sourceMapURL,
  }: {
    scriptId: string;
    url: string;
    sourceMapURL?: string;
  }): Script | undefined {
    const script = this.cell(url) ?? fileScript(url, sourceMapURL);
    if (script) this.#byId.set(scriptId, script);
    return script;
  }

  /** The script of a cell, loaded or about to be. */
  cell(name: string): Script | undefined {
    const cell = this.#cells.get(name);
    if (!cell) return undefined;
    const path = this.#files.add(cell.code);
    const lines = new SourceLines(cell.sourceMap);
    return { url: name, path, name: withoutQueries(name), lines, source: cell.code, isCell: true };
  }

  find(scriptId: string): Script | undefined {
    return this.#byId.get(scriptId);
  }

  /** A cell that ran several times, or a file that was edited, is several scripts; the newest is the last. */
  of(path: string): Script[] {
    return [...this.#byId.values()].filter((script) => script.path === path);
  }

  idOf(path: string): string | undefined {
    return [...this.#byId].findLast(([, script]) => script.path === path)?.[0];
  }

  /** Files, not cells; each once. */
  get modules(): Script[] {
    const files = [...this.#byId.values()].filter(({ isCell }) => !isCell);
    return [...new Map(files.map((script) => [script.path, script])).values()];
  }

  clear(): void {
    this.#byId.clear();
  }
}

function fileScript(url: string, sourceMapURL = ""): Script | undefined {
  if (!isLocal(url)) return undefined;
  const path = fileURLToPath(url);
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!inlineMap.test(sourceMapURL)) return { url, path, name, lines: null, isCell: false };
  const map = Buffer.from(sourceMapURL.replace(inlineMap, ""), "base64").toString();
  return {
    url,
    path,
    name,
    lines: new SourceLines(map),
    source: JSON.parse(map).sourcesContent?.[0],
    isCell: false,
  };
}
