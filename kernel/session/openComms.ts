import type { CommContent } from "../channel/messages.js";

/** The comms that are open between an executor and the front end, also while the executor computes: id → target. */
export class OpenComms {
  readonly #targets = new Map<string, string>();

  /** Notes what either side says. */
  note({ action, comm, target }: CommContent): void {
    if (action === "open") this.#targets.set(comm, target);
    if (action === "close") this.#targets.delete(comm);
  }

  has(comm: string): boolean {
    return this.#targets.has(comm);
  }

  /** All, or those of one target. */
  list(target?: string): Map<string, string> {
    return new Map([...this.#targets].filter(([, each]) => target === undefined || each === target));
  }

  /** Forgets all; gives the messages that tell the front end. */
  closeAll(): CommContent[] {
    const closed = [...this.#targets.keys()];
    this.#targets.clear();
    return closed.map((comm) => ({ action: "close", comm, target: "", data: {}, metadata: {} }));
  }
}
