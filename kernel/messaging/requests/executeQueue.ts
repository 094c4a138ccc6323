import type { Request } from "./request.js";

interface Job {
  request: Request;
  aborted: boolean;
}

/**
 * The `execute_request`s of one lane, one at a time in the order of their arrival. When one fails, those that were
 * already waiting are answered without being run.
 */
export class ExecuteQueue {
  readonly #execute: (request: Request) => Promise<boolean>;
  readonly #abort: (request: Request) => void;
  readonly #waiting: Job[] = [];
  #working = false;

  /** `execute` returns whether what waits may run; `abort` answers a request that may not. */
  constructor(execute: (request: Request) => Promise<boolean>, abort: (request: Request) => void) {
    this.#execute = execute;
    this.#abort = abort;
  }

  add(request: Request): void {
    this.#waiting.push({ request, aborted: false });
    if (!this.#working) void this.#work();
  }

  /** Nothing of what waits is to run. */
  abort(): void {
    for (const job of this.#waiting) job.aborted = true;
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
      if (job.aborted) this.#abort(job.request);
      else if (!(await this.#execute(job.request))) this.abort();
    }
    this.#working = false;
  }
}
