import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/**
 * Stands in for `process.stdout` or `process.stderr`: what is written goes to the cell that runs, in order with its
 * displays. Output of native code and of child processes does not pass here; it reaches the real descriptors.
 */
export class CellStream extends Writable {
  readonly fd: number;
  readonly isTTY = false;
  readonly #write: (text: string) => void;
  readonly #decoder = new StringDecoder("utf8");

  constructor(fd: number, write: (text: string) => void) {
    super({ decodeStrings: false });
    this.fd = fd;
    this.#write = write;
  }

  override _write(
    chunk: string | Buffer,
    _encoding: BufferEncoding,
    done: (fault?: Error | null) => void,
  ): void {
    const text = typeof chunk === "string" ? chunk : this.#decoder.write(chunk);
    if (text !== "") this.#write(text);
    done();
  }

  /** As the streams of a process, these never end. */
  override end(): this {
    return this;
  }

  override destroy(): this {
    return this;
  }
}
