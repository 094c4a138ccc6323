import type { MessageLike, Writable } from "zeromq";

/**
 * Sends one message after another: a zeromq.js socket refuses a send while another is under way. What cannot be sent
 * because the socket is closed is dropped.
 */
export class SendQueue {
  readonly #socket: Writable;
  #waiting: MessageLike[][] = [];
  #draining: Promise<void> | null = null;

  constructor(socket: Writable) {
    this.#socket = socket;
  }

  send(frames: MessageLike[]): void {
    this.#waiting.push(frames);
    this.#draining ??= this.#drain();
  }

  /** Resolves when all that was given to {@link send} has been handed to ZeroMQ. */
  async flushed(): Promise<void> {
    while (this.#draining) await this.#draining;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        for (const frames of batch) await this.#socket.send(frames);
      }
    } catch {
      // Closed by the other end or by us: nobody is left to read.
      this.#waiting = [];
    }
    this.#draining = null;
  }
}
