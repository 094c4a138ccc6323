import { Router } from "zeromq";
import type { ToExecutor, ToKernel } from "./messages.js";
import { SendQueue } from "./sendQueue.js";
import { newSocketAddress, removeSocketFolder } from "./socketFolder.js";

/** `jsonLength`: of the message as JSON, in UTF-16 units. */
type Receive = (message: ToKernel, buffers: Uint8Array[], jsonLength: number) => void;

/** The kernel process's end of the channel to all executors of a session. */
export class KernelEnd {
  readonly #router = new Router({ sendHighWaterMark: 0, receiveHighWaterMark: 0, linger: 0 });
  readonly #queue = new SendQueue(this.#router);
  readonly #receivers = new Map<string, Receive>();
  #reading: Promise<void> = Promise.resolve();

  /** Where executors connect to. */
  readonly address: string;

  private constructor(address: string) {
    this.address = address;
  }

  static async open(): Promise<KernelEnd> {
    const end = new KernelEnd(await newSocketAddress());
    await end.#router.bind(end.address);
    end.#reading = end.#read();
    return end;
  }

  /** Messages from the executor of this identity go to `receive`, until {@link disconnect}. */
  connect(identity: string, receive: Receive): void {
    this.#receivers.set(identity, receive);
  }

  disconnect(identity: string): void {
    this.#receivers.delete(identity);
  }

  /** Drops the message when no executor of that identity is connected. */
  send(identity: string, message: ToExecutor, buffers: readonly Uint8Array[] = []): void {
    this.#queue.send([identity, JSON.stringify(message), ...buffers]);
  }

  async close(): Promise<void> {
    await this.#queue.flushed();
    this.#router.close();
    await this.#reading;
    removeSocketFolder(this.address);
  }

  async #read(): Promise<void> {
    for await (const [identity, json, ...buffers] of this.#router) {
      try {
        const text = json.toString();
        this.#receivers.get(identity.toString())?.(JSON.parse(text), buffers, text.length);
      } catch (fault) {
        // One message that cannot be dealt with must not keep the others from coming.
        process.stderr.write(`moelab: a message of the executor was lost: ${(fault as Error).stack}\n`);
      }
    }
  }
}
