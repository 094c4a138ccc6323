import { appendFile, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { userDataFolder } from "../../install/jupyterFolders.js";

export interface HistoryLine {
  /** The execution count of the cell. */
  line: number;
  source: string;
}

/** Bounds of what is kept: sources that are longer are left out, the oldest sessions go first. */
const longestSource = 256 * 1024;
const largestSession = 4 * 1024 * 1024;
const largestTotal = 16 * 1024 * 1024;
const mostSessions = 1000;
/** So long after the first cell the oldest go, in milliseconds: looking at a thousand files would delay its reply. */
const removalDelay = 2000;

const fileName = /^(\d+)\.jsonl$/;

/** Where history is kept as `MOELAB_HISTORY` says: a folder, or "off"; else below Jupyter's data folder. */
export function historyFolder(env: NodeJS.ProcessEnv = process.env): string | null {
  const { MOELAB_HISTORY: asked } = env;
  if (asked === "off") return null;
  return asked ? path.resolve(asked) : path.join(userDataFolder(), "moelab", "history");
}

/**
 * What was executed in all kernels: a folder with a file for each session, a line of JSON for each cell. Kernels that
 * run at the same time write different files; the number of a session is taken by creating its file.
 */
export class HistoryFolder {
  readonly #folder: string;
  #session: number | null = null;
  #written = 0;
  #writing: Promise<void> = Promise.resolve();
  #removal: { sessions: number[]; timer: NodeJS.Timeout } | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Adds to this kernel's own session. What cannot be written is not kept; no cell fails for that. */
  append(line: HistoryLine): void {
    const json = `${JSON.stringify(line)}\n`;
    this.#written += json.length;
    if (line.source.length > longestSource || this.#written > largestSession) return;
    this.#writing = this.#writing.then(() => this.#write(json)).catch(() => {});
  }

  /** Resolves when all is on the disk. */
  async flushed(): Promise<void> {
    await this.#writing;
    await this.#removeOldest();
  }

  /** The number of this kernel's session; the one that it would get when it has none yet. */
  async ownSession(): Promise<number> {
    await this.#writing;
    return this.#session ?? ((await this.sessions()).at(-1) ?? 0) + 1;
  }

  /** The numbers of all sessions that are kept, ascending. */
  async sessions(): Promise<number[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names
      .flatMap((name) => fileName.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The lines of a session, in the order of their execution; damaged ones are left out. */
  async read(session: number): Promise<HistoryLine[]> {
    const text = await readFile(this.#file(session), "utf8").catch(() => "");
    return text.split("\n").flatMap((json) => {
      try {
        const { line, source } = JSON.parse(json);
        return Number.isInteger(line) && typeof source === "string" ? [{ line, source }] : [];
      } catch {
        return [];
      }
    });
  }

  #file(session: number): string {
    return path.join(this.#folder, `${session}.jsonl`);
  }

  async #write(json: string): Promise<void> {
    this.#session ??= await this.#newSession();
    await appendFile(this.#file(this.#session), json);
  }

  async #newSession(): Promise<number> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const sessions = await this.sessions();
    const timer = setTimeout(() => void this.#removeOldest(), removalDelay).unref();
    this.#removal = { sessions, timer };
    for (let session = (sessions.at(-1) ?? 0) + 1; ; session++) {
      try {
        await (await open(this.#file(session), "wx", 0o600)).close();
        return session;
      } catch (fault) {
        // Another kernel was faster.
        if ((fault as NodeJS.ErrnoException).code !== "EEXIST") throw fault;
      }
    }
  }

  async #removeOldest(): Promise<void> {
    if (!this.#removal) return;
    const { sessions, timer } = this.#removal;
    clearTimeout(timer);
    this.#removal = null;
    let total = 0;
    let kept = 0;
    for (const session of sessions.toReversed()) {
      total += (await stat(this.#file(session)).catch(() => null))?.size ?? 0;
      kept++;
      if (total <= largestTotal && kept < mostSessions) continue;
      await rm(this.#file(session), { force: true }).catch(() => {});
    }
  }
}
