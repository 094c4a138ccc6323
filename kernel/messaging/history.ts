/** One executed cell as `history_reply` gives it; all cells are of session 1, since history lives as long as the kernel. */
type Entry = [session: number, line: number, source: string];

const session = 1;

export interface HistoryRequest {
  hist_access_type: "range" | "tail" | "search";
  output?: boolean;
  session?: number;
  start?: number;
  stop?: number | null;
  n?: number | null;
  /** Glob with `*` and `?`. */
  pattern?: string;
  unique?: boolean;
}

/** What was executed, for `history_request`. */
export class History {
  readonly #entries: Entry[] = [];

  add(line: number, source: string): void {
    this.#entries.push([session, line, source]);
  }

  /** Entries in the shape of `history_reply`; outputs are not kept and so given as null. */
  find(request: HistoryRequest): unknown[] {
    const entries = this.#select(request);
    if (!request.output) return entries;
    return entries.map(([number, line, source]) => [number, line, [source, null]]);
  }

  #select(request: HistoryRequest): Entry[] {
    const { n, start = 0, stop } = request;
    const last = (entries: Entry[]) =>
      typeof n === "number" && n >= 0 ? entries.slice(-n || entries.length) : entries;
    switch (request.hist_access_type) {
      case "tail":
        return last(this.#entries);
      case "range":
        // 0 and below count back from the current session; there is only this one.
        if ((request.session ?? 0) > session || (request.session ?? 0) < 0) return [];
        return this.#entries.filter(([, line]) => line >= start && line < (stop ?? Number.POSITIVE_INFINITY));
      case "search":
        return last(this.#search(request.pattern ?? "*", request.unique ?? false));
      default:
        return [];
    }
  }

  #search(glob: string, unique: boolean): Entry[] {
    const escaped = glob
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replace(/\*/g, ".*")
      .replace(/\?/g, ".");
    const pattern = new RegExp(`^${escaped}$`, "s");
    const found = this.#entries.filter(([, , source]) => pattern.test(source));
    if (!unique) return found;
    const newest = new Map(found.map((entry) => [entry[2], entry]));
    return found.filter((entry) => newest.get(entry[2]) === entry);
  }
}
