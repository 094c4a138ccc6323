import type { ToKernel } from "../channel/messages.js";

/** Longest text of one message, in UTF-16 units. */
const longestBatch = 256 * 1024;

/** Joins texts that follow each other on one stream of one cell, until the event loop turns. */
export class StreamBatches {
  readonly #send: (json: string) => void;
  #cell = 0;
  #name: "stdout" | "stderr" = "stdout";
  #texts: string[] = [];
  #length = 0;

  constructor(send: (json: string) => void) {
    this.#send = send;
  }

  add(cell: number, name: "stdout" | "stderr", text: string): void {
    if (this.#length > 0 && (cell !== this.#cell || name !== this.#name || this.#length > longestBatch))
      this.flush();
    if (this.#length === 0) setImmediate(() => this.flush());
    this.#cell = cell;
    this.#name = name;
    this.#texts.push(text);
    this.#length += text.length;
  }

  flush(): void {
    if (this.#length === 0) return;
    const message: ToKernel = {
      type: "stream",
      cell: this.#cell,
      name: this.#name,
      text: this.#texts.join(""),
    };
    this.#send(JSON.stringify(message));
    this.#texts = [];
    this.#length = 0;
  }
}
