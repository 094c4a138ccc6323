import { globMatcher } from "./glob.js";
import type { HistoryFolder, HistoryLine } from "./historyFolder.js";

export type HistoryQuery =
  | { type: "tail"; n: number }
  /** Lines from `start` to before `stop`; negative ones count from the end. Sessions of 0 and less from this one. */
  | { type: "range"; session: number; start: number; stop: number | null }
  /** The last `n` that match a glob; with `unique`, of equal ones the newest. */
  | { type: "search"; pattern: string; unique: boolean; n: number };

/** One executed cell as `history_reply` gives it. */
export interface HistoryEntry extends HistoryLine {
  session: number;
  /** Text of its result; null when there was none or it is not kept. */
  output: string | null;
}

/** Longest text of a result that is kept, in UTF-16 units. */
const longestOutput = 10_000;

/**
 * What was executed, in this kernel and, as far as kept, in those before. Results are kept for this kernel's cells only.
 */
export class History {
  readonly #folder: HistoryFolder | null;
  readonly #own: (HistoryLine & { output: string | null })[] = [];

  /** @param folder null: nothing persists */
  constructor(folder: HistoryFolder | null) {
    this.#folder = folder;
  }

  add(line: number, source: string): void {
    this.#own.push({ line, source, output: null });
    this.#folder?.append({ line, source });
  }

  /** The result of a cell that was added. */
  addOutput(line: number, text: string): void {
    const entry = this.#own.findLast((each) => each.line === line);
    if (entry && text.length <= longestOutput) entry.output = text;
  }

  /** Entries from the oldest to the newest. */
  async find(query: HistoryQuery): Promise<HistoryEntry[]> {
    const own = (await this.#folder?.ownSession()) ?? 1;
    switch (query.type) {
      case "tail":
        return this.#last(own, query.n, () => true);
      case "search": {
        const matches = globMatcher(query.pattern);
        const seen = new Set<string>();
        return this.#last(own, query.n, ({ source }) => {
          if (!matches(source) || (query.unique && seen.has(source))) return false;
          seen.add(source);
          return true;
        });
      }
      case "range": {
        const session = query.session > 0 ? query.session : own + query.session;
        const entries = await this.#session(session, own);
        const last = entries.at(-1)?.line ?? 0;
        const place = (line: number) => (line < 0 ? last + 1 + line : line);
        const [start, stop] = [place(query.start), query.stop === null ? Infinity : place(query.stop)];
        return entries.filter(({ line }) => line >= start && line < stop);
      }
    }
  }

  /** Resolves when all is on the disk. */
  async close(): Promise<void> {
    await this.#folder?.flushed();
  }

  /** The newest `n` entries that are wanted; asks for each from the newest to the oldest. */
  async #last(own: number, n: number, wanted: (entry: HistoryEntry) => boolean): Promise<HistoryEntry[]> {
    const sessions = new Set([...((await this.#folder?.sessions()) ?? []), own]);
    const found: HistoryEntry[] = [];
    for (const session of [...sessions].sort((a, b) => b - a)) {
      for (const entry of (await this.#session(session, own)).toReversed()) {
        if (found.length >= n) return found.reverse();
        if (wanted(entry)) found.push(entry);
      }
    }
    return found.reverse();
  }

  async #session(session: number, own: number): Promise<HistoryEntry[]> {
    if (session === own) return this.#own.map((entry) => ({ ...entry, session }));
    const lines = (await this.#folder?.read(session)) ?? [];
    return lines.map((line) => ({ ...line, session, output: null }));
  }
}
