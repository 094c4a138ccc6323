import { statSync } from "node:fs";

type Changed = (fileName: string, kind: number) => void;

/** TypeScript's FileWatcherEventKind. */
const eventKind = { created: 0, changed: 1, deleted: 2 };

function modifiedAt(fileName: string): number {
  return statSync(fileName, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * The user's own files that cells import. They are looked at once before each conversion: an edit counts from the
 * next cell on, with no timers and no race against a file system watcher. Installed packages are not looked at.
 */
export class WatchedFiles {
  readonly #files = new Map<string, { time: number; changed: Changed }>();

  watch = (fileName: string, changed: Changed): { close(): void } => {
    if (!fileName.includes("/node_modules/")) {
      this.#files.set(fileName, { time: modifiedAt(fileName), changed });
    }
    return { close: () => void this.#files.delete(fileName) };
  };

  /** Tells TypeScript about files that were written, made or removed since the last call. */
  report(): void {
    for (const [fileName, entry] of this.#files) {
      const time = modifiedAt(fileName);
      if (time === entry.time) continue;
      const kind = time === 0 ? eventKind.deleted : entry.time === 0 ? eventKind.created : eventKind.changed;
      entry.time = time;
      entry.changed(fileName, kind);
    }
  }
}
