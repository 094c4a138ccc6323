import type { HostOutput } from "../host.js";

/** An output as notebooks store it. */
export type StoredOutput =
  | { output_type: "stream"; name: "stdout" | "stderr"; text: string }
  | { output_type: "display_data"; data: Record<string, unknown>; metadata: Record<string, unknown> }
  | { output_type: "error"; ename: string; evalue: string; traceback: string[] };

/** Outputs that follow each other in one place, as a cell's do: a new list for each change. */
export class OutputList {
  readonly #displayIds = new WeakMap<StoredOutput, string>();
  #outputs: readonly StoredOutput[] = [];
  /** The next output replaces all. */
  #clearNext = false;

  get outputs(): readonly StoredOutput[] {
    return this.#outputs;
  }

  /** Takes them as they are. */
  reset(outputs: readonly StoredOutput[]): void {
    this.#outputs = outputs;
    this.#clearNext = false;
  }

  add(output: HostOutput): void {
    switch (output.type) {
      case "stream":
        this.#stream(output.name, output.text);
        break;
      case "clearOutput":
        if (output.wait) this.#clearNext = true;
        else this.reset([]);
        break;
      case "display": {
        const { data, metadata, displayId, update } = output;
        const shown: StoredOutput = { output_type: "display_data", data, metadata };
        if (displayId !== undefined) this.#displayIds.set(shown, displayId);
        if (!update) {
          this.append(shown);
          break;
        }
        const replaces = (each: StoredOutput) => this.#displayIds.get(each) === displayId;
        this.#outputs = this.#outputs.map((each) => (replaces(each) ? shown : each));
      }
    }
  }

  append(output: StoredOutput): void {
    this.#outputs = [...(this.#clearNext ? [] : this.#outputs), output];
    this.#clearNext = false;
  }

  #stream(name: "stdout" | "stderr", text: string): void {
    const last = this.#clearNext ? undefined : this.#outputs.at(-1);
    if (last?.output_type !== "stream" || last.name !== name) {
      this.append({ output_type: "stream", name, text });
    } else {
      this.#outputs = [...this.#outputs.slice(0, -1), { ...last, text: last.text + text }];
    }
  }
}

/** What can be read of outputs where they are not drawn. */
export function outputText(outputs: readonly StoredOutput[]): string {
  return outputs.map(textOf).join("").replace(/\n$/, "");
}

function textOf(output: StoredOutput): string {
  if (output.output_type === "stream") return output.text;
  if (output.output_type === "error") return `${output.traceback.join("\n")}\n`;
  const plain = output.data["text/plain"];
  return typeof plain === "string" ? `${plain}\n` : "";
}
