import type { Kernel, Request } from "./request.js";

/** The question that a cell waits for; one at most, since the cell's thread blocks meanwhile. */
export class InputRequests {
  readonly #kernel: Kernel;
  #answer: ((value: string | null) => void) | null = null;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Asks the client that sent `request` and waits for its answer; null when the cell is interrupted meanwhile. */
  ask(request: Request, prompt: string, password: boolean): Promise<string | null> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#kernel.send("stdin", request, "input_request", { prompt, password });
    });
  }

  /** Without a question it has no effect. */
  answer(value: string | null): void {
    this.#answer?.(value);
    this.#answer = null;
  }
}
