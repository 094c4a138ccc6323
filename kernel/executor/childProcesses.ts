import { constants } from "node:os";
import process from "node:process";
import { ignoresSignal, type ProcessEntry, processTable } from "./processTable.js";

/**
 * The processes that cells started, as the control worker sees them. Interrupting a cell does to them what Ctrl-C in a
 * terminal would, save that what earlier cells left running, such as a server, is spared. A process that was started
 * `detached`, so in a group of its own, is left alone as in a terminal.
 */
export class ChildProcesses {
  /** Process → the cell that started it. Those for which the main thread waits (`execSync`) are not here. */
  readonly #cells = new Map<number, number>();
  readonly #running: ReadonlyMap<number, unknown>;
  /** Those that got their SIGINT. */
  readonly #interrupted = new Set<number>();

  /** @param running cells that have not ended */
  constructor(running: ReadonlyMap<number, unknown>) {
    this.#running = running;
  }

  started(pid: number, cell: number): void {
    this.#cells.set(pid, cell);
  }

  ended(pid: number): void {
    this.#cells.delete(pid);
  }

  /** Sends SIGINT to what running cells started, and to all that descends from it. */
  async interrupt(): Promise<void> {
    this.#interrupted.clear();
    this.#sendInterrupt(await this.#below((child) => this.#ofRunningCell(child)));
  }

  /**
   * Kills what the main thread waits for, and all that descends from it.
   *
   * @param all also those that do not ignore SIGINT and so may be about to end
   */
  async killAwaited(all: boolean): Promise<void> {
    const awaited = await this.#below((child) => !this.#cells.has(child));
    if (all || awaited.some(({ pid }) => ignoresSignal(pid, constants.signals.SIGINT))) {
      for (const { pid } of awaited) send(pid, "SIGKILL");
    } else this.#sendInterrupt(awaited); // A loop may have started another meanwhile.
  }

  #sendInterrupt(processes: ProcessEntry[]): void {
    for (const { pid } of processes) {
      if (this.#interrupted.has(pid)) continue;
      this.#interrupted.add(pid);
      send(pid, "SIGINT");
    }
  }

  #ofRunningCell(child: number): boolean {
    const cell = this.#cells.get(child);
    return cell === undefined || this.#running.has(cell);
  }

  /** The chosen children of this process, and what descends from them, as far as it is in this process's group. */
  async #below(chosen: (child: number) => boolean): Promise<ProcessEntry[]> {
    const group = (await processTable()).filter((entry) => entry.group === process.pid);
    const below = (parents: ProcessEntry[]): ProcessEntry[] => {
      const pids = new Set(parents.map(({ pid }) => pid));
      const children = group.filter(({ parent }) => pids.has(parent));
      return children.length === 0 ? parents : [...parents, ...below(children)];
    };
    return below(group.filter(({ pid, parent }) => parent === process.pid && chosen(pid)));
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
