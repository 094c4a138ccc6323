import { decodeMappings, type Mapping } from "../cells/sourceMapping.js";

/** Zero-based. */
export interface Place {
  line: number;
  column: number;
}

/** Which place of a script's JavaScript belongs to which of its TypeScript. */
export class SourceLines {
  readonly #mappings: Mapping[];
  /** TypeScript line → where its JavaScript starts. */
  readonly #starts = new Map<number, Place>();

  /** @param sourceMap JSON text of a version 3 source map with one source */
  constructor(sourceMap: string) {
    this.#mappings = decodeMappings(JSON.parse(sourceMap).mappings);
    for (const { line, column, sourceLine } of this.#mappings) {
      if (!this.#starts.has(sourceLine)) this.#starts.set(sourceLine, { line, column });
    }
  }

  /** The TypeScript of a place in the JavaScript; undefined for what stands before all of it. */
  toSource({ line, column }: Place): Place | undefined {
    let low = 0;
    let high = this.#mappings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const mapping = this.#mappings[middle];
      if (mapping.line < line || (mapping.line === line && mapping.column <= column)) low = middle + 1;
      else high = middle;
    }
    const found = this.#mappings[low - 1];
    return found && { line: found.sourceLine, column: found.sourceColumn };
  }

  /** Where the JavaScript of a TypeScript line starts; undefined when nothing of it is left. */
  toScript(line: number): Place | undefined {
    return this.#starts.get(line);
  }

  /** TypeScript lines of which JavaScript is left, in their order. */
  get lines(): number[] {
    return [...this.#starts.keys()].sort((a, b) => a - b);
  }
}
