import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Router } from "zeromq";
import type { ToExecutor, ToKernel } from "./messages.js";
import { SendQueue } from "./sendQueue.js";

/** Longest path of a Unix socket that every system takes. */
const longestSocketPath = 100;

/** A folder that only this user may enter. */
async function privateFolder(): Promise<string> {
  const inTemporary = path.join(tmpdir(), "moelab-XXXXXX", "executors");
  const parent = inTemporary.length <= longestSocketPath ? tmpdir() : "/tmp";
  return await mkdtemp(path.join(parent, "moelab-"));
}

/** The kernel process's end of the channel to all executors of a session. */
export class KernelEnd {
  readonly #router = new Router({ sendHighWaterMark: 0, receiveHighWaterMark: 0, linger: 0 });
  readonly #queue = new SendQueue(this.#router);
  readonly #receivers = new Map<string, (message: ToKernel) => void>();
  readonly #folder: string;
  #reading: Promise<void> = Promise.resolve();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<KernelEnd> {
    const end = new KernelEnd(await privateFolder());
    await end.#router.bind(end.address);
    end.#reading = end.#read();
    return end;
  }

  /** Where executors connect to. */
  get address(): string {
    return `ipc://${path.join(this.#folder, "executors")}`;
  }

  /** Messages from the executor of this identity go to `receive`, until {@link disconnect}. */
  connect(identity: string, receive: (message: ToKernel) => void): void {
    this.#receivers.set(identity, receive);
  }

  disconnect(identity: string): void {
    this.#receivers.delete(identity);
  }

  /** Drops the message when no executor of that identity is connected. */
  send(identity: string, message: ToExecutor): void {
    this.#queue.send([identity, JSON.stringify(message)]);
  }

  async close(): Promise<void> {
    await this.#queue.flushed();
    this.#router.close();
    await this.#reading;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #read(): Promise<void> {
    for await (const [identity, json] of this.#router) {
      this.#receivers.get(identity.toString())?.(JSON.parse(json.toString()));
    }
  }
}
