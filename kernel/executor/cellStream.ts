import process from "node:process";
import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

type Done = (fault?: Error | null) => void;

/**
 * Stands in for `process.stdout` or `process.stderr`: what is written goes to the cell that runs, in order with its
 * displays. Output of native code and of child processes does not pass here; it reaches the real descriptors.
 *
 * It keeps no state: an interrupt may terminate a write at any point, and a stream that then believes to be busy
 * would hold back all that follows.
 */
export class CellStream extends Writable {
  readonly fd: number;
  readonly isTTY = false;
  readonly #send: (text: string) => void;
  readonly #decoder = new StringDecoder("utf8");

  constructor(fd: number, send: (text: string) => void) {
    super();
    this.fd = fd;
    this.#send = send;
  }

  override write(chunk: unknown, encoding?: BufferEncoding | Done, done?: Done): boolean {
    const callback = typeof encoding === "function" ? encoding : done;
    const text = typeof chunk === "string" ? chunk : this.#decode(chunk);
    if (text !== "") this.#send(text);
    if (callback) process.nextTick(callback);
    return true;
  }

  /** As the streams of a process, these never end. */
  override end(): this {
    return this;
  }

  override destroy(): this {
    return this;
  }

  #decode(chunk: unknown): string {
    if (ArrayBuffer.isView(chunk)) return this.#decoder.write(chunk as Uint8Array<ArrayBuffer>);
    throw new TypeError(`write: expected a string, Buffer, TypedArray or DataView, got ${typeof chunk}.`);
  }
}
