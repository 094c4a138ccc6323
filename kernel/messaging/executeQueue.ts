import type { Message } from "./wire.js";

interface Job {
  request: Message;
  aborted: boolean;
}

/**
 * The `execute_request`s of a kernel, one at a time in the order of their arrival. When one fails, those that were
 * already waiting are answered without being run.
 */
export class ExecuteQueue {
  readonly #execute: (request: Message) => Promise<boolean>;
  readonly #abort: (request: Message) => void;
  readonly #waiting: Job[] = [];
  #working: Promise<void> | null = null;

  /** `execute` returns whether what waits may run; `abort` answers a request that may not. */
  constructor(execute: (request: Message) => Promise<boolean>, abort: (request: Message) => void) {
    this.#execute = execute;
    this.#abort = abort;
  }

  add(request: Message): void {
    this.#waiting.push({ request, aborted: false });
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
      if (job.aborted) this.#abort(job.request);
      else if (!(await this.#execute(job.request))) for (const other of this.#waiting) other.aborted = true;
    }
    this.#working = null;
  }
}
