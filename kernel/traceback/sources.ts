import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";
import { withoutQueries } from "../executor/moduleQueries.js";
import type { LoadedSource } from "../executor/typescriptHooks.js";
import type { Place } from "./excerpt.js";

interface Known {
  sourceMap: string;
  source: string;
  /** Made from the texts above when they are first needed. */
  map?: SourceMap;
  lines?: string[];
}

/** The TypeScript of every cell and file that ran. */
export class Sources {
  readonly #known = new Map<string, Known>();
  readonly #loaded: () => Iterable<LoadedSource>;

  /** @param loaded gives the files that were imported since it was last called */
  constructor(loaded: () => Iterable<LoadedSource>) {
    this.#loaded = loaded;
  }

  /** What runs again under its name replaces the earlier source. */
  add(name: string, sourceMap: string, source: string): void {
    this.#known.set(name, { sourceMap, source });
  }

  /** Where a place of the JavaScript that runs is in the TypeScript; undefined when it is not known. */
  original(name: string, { line, column }: Place): Place | undefined {
    const known = this.#find(name);
    if (!known) return undefined;
    known.map ??= new SourceMap(JSON.parse(known.sourceMap));
    const entry = known.map.findEntry(line - 1, column - 1);
    if (!("originalLine" in entry)) return undefined;
    return { line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }

  /** The lines of a cell or of one of the user's files; undefined for what cannot be read. */
  lines(name: string): string[] | undefined {
    const known = this.#find(name);
    if (known) {
      known.lines ??= known.source.split("\n");
      return known.lines;
    }
    try {
      return readFileSync(name.startsWith("file:") ? fileURLToPath(name) : name, "utf8").split("\n");
    } catch {
      return undefined;
    }
  }

  #find(name: string): Known | undefined {
    for (const { url, sourceMap, source } of this.#loaded()) {
      this.add(url, sourceMap, source);
      // What stacks say.
      this.add(withoutQueries(url), sourceMap, source);
    }
    return this.#known.get(name);
  }
}
