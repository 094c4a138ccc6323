/** So much has to be there to collect, in bytes. */
const worthwhile = 128 * 2 ** 20;

/** The memory of a compiler process: what checks leave behind would stay until the heap has doubled. */
export class CompilerHeap {
  #kept = process.memoryUsage().heapUsed;

  /** Collects all garbage, which takes a quarter of a second, if there may be much of it. */
  collect(): void {
    if (process.memoryUsage().heapUsed < this.#kept + worthwhile) return;
    (globalThis as any).gc?.({ type: "major" });
    this.#kept = process.memoryUsage().heapUsed;
  }
}
