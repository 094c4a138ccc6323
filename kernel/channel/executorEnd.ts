import { Dealer } from "zeromq";
import type { ToExecutor } from "./messages.js";
import { SendQueue } from "./sendQueue.js";

type Receive = (message: ToExecutor, buffers: Uint8Array[]) => void;

/** An executor's end of the channel. */
export class ExecutorEnd {
  readonly #dealer: Dealer;
  readonly #queue: SendQueue;
  readonly #reading: Promise<void>;

  /** `identity` is the name under which the kernel process expects this executor. */
  constructor(address: string, identity: string, receive: Receive) {
    this.#dealer = new Dealer({
      routingId: identity,
      sendHighWaterMark: 0,
      receiveHighWaterMark: 0,
      linger: 1000,
    });
    this.#queue = new SendQueue(this.#dealer);
    this.#dealer.connect(address);
    this.#reading = this.#read(receive);
  }

  /** Takes a `ToKernel` message as JSON, since its sender had to find out anyway that it can be written as such. */
  send(json: string, buffers: readonly Uint8Array[] = []): void {
    this.#queue.send([json, ...buffers]);
  }

  /** Must be awaited before the process exits: Node aborts while a receive is pending. */
  async close(): Promise<void> {
    await this.#queue.flushed();
    this.#dealer.close();
    await this.#reading;
  }

  async #read(receive: Receive): Promise<void> {
    for await (const [json, ...buffers] of this.#dealer) receive(JSON.parse(json.toString()), buffers);
  }
}
