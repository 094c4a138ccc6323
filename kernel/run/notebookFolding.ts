import type { Notebook } from "../notebook/format.js";
import { writeNotebook } from "../notebook/writeNotebook.js";

/** How long a running cell's outputs may be missing in the file, in milliseconds. */
const interval = 2000;

/**
 * Keeps a notebook file up to date while the notebook runs. One write at a time; what is asked for meanwhile is
 * written once, right after, so that a run never waits for the disk and never piles up writes.
 */
export class NotebookFolding {
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private wanted = false;
  private error: unknown;

  /** @param current the notebook as it is to be stored at the moment of a call */
  constructor(
    private readonly path: string,
    private readonly current: () => Notebook,
  ) {}

  /** Says that something changed; it is in the file within {@link interval}. */
  changed(): void {
    this.timer ??= setTimeout(() => this.fold(), interval);
  }

  /** Starts writing now, or as soon as the write that is under way is done. */
  fold(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.wanted = true;
    this.writing ??= this.write();
  }

  /**
   * Writes the notebook as it is now, and returns when it is in the file.
   *
   * @throws the file system's error when this write, or an earlier one that nobody waited for, failed
   */
  async flush(): Promise<void> {
    this.fold();
    await this.writing;
    const { error } = this;
    this.error = undefined;
    if (error) throw error;
  }

  private async write(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      try {
        await writeNotebook(this.path, this.current());
        this.error = undefined;
      } catch (error) {
        // A full disk may have room again at the next write; the last one decides.
        this.error = error;
      }
    }
    this.writing = undefined;
  }
}
