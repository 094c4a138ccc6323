import { StringDecoder } from "node:string_decoder";
import { markEnd, markStart } from "../executor/nativeMark.js";

/** What a chunk of native output consists of, in order. */
export type NativePart = { type: "text"; text: string } | { type: "endOfCell"; cell: number };

/** Longest number of a cell inside a mark. */
const longestNumber = 16;

/** Takes the marks that an executor writes at the end of each cell out of one of its pipes. */
export class NativeOutput {
  readonly #start: string;
  readonly #decoder = new StringDecoder("utf8");
  /** The beginning of what may become a mark. */
  #held = "";

  constructor(identity: string) {
    this.#start = markStart(identity);
  }

  push(chunk: Buffer): NativePart[] {
    return this.#split(this.#held + this.#decoder.write(chunk));
  }

  /** What was held back when the pipe ended. */
  end(): string {
    const rest = this.#held + this.#decoder.end();
    this.#held = "";
    return rest;
  }

  #split(text: string): NativePart[] {
    const parts: NativePart[] = [];
    let from = 0;
    let searchFrom = 0;
    this.#held = "";
    for (;;) {
      const at = text.indexOf(this.#start[0], searchFrom);
      if (at < 0) break;
      const head = text.slice(at, at + this.#start.length);
      if (!this.#start.startsWith(head)) {
        searchFrom = at + 1;
        continue;
      }
      const numberAt = at + this.#start.length;
      const end = text.indexOf(markEnd, numberAt);
      if (end < 0 || head !== this.#start) {
        if (text.length - at > this.#start.length + longestNumber) {
          searchFrom = at + 1;
          continue;
        }
        this.#held = text.slice(at);
        text = text.slice(0, at);
        break;
      }
      if (at > from) parts.push({ type: "text", text: text.slice(from, at) });
      parts.push({ type: "endOfCell", cell: Number(text.slice(numberAt, end)) });
      from = end + markEnd.length;
      searchFrom = from;
    }
    if (text.length > from) parts.push({ type: "text", text: text.slice(from) });
    return parts;
  }
}
