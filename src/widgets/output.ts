import { host } from "../host.js";
import { type Common, common } from "./common.js";
import { output as outputModule, type WidgetKind } from "./kind.js";
import { OutputList, outputText, type StoredOutput } from "./outputs.js";
import { widgetClass } from "./widgetClass.js";

export interface OutputState extends Common {
  /** What it shows, as notebooks store it. Default none. */
  outputs: readonly StoredOutput[];
}

const kind: WidgetKind<OutputState> = {
  name: "Output",
  module: outputModule,
  initial: { ...common, outputs: [] },
  text: ({ outputs }) => outputText(outputs),
};

/** A place for outputs, inside other widgets or by itself. */
export class Output extends widgetClass(kind) {
  readonly #list = new OutputList();

  /**
   * Runs `code`; what its cell outputs meanwhile appears here, until it returns or the promise that it returns is
   * settled. Without a front end it is output of the cell as ever.
   */
  capture<R>(code: () => R): R {
    const here = host();
    if (!here.comms) return code();
    return here.capture((output) => this.#change((list) => list.add(output)), code);
  }

  /** Adds an output. */
  append(output: StoredOutput): void {
    this.#change((list) => list.append(output));
  }

  /** Removes all outputs; with `wait`, when the next one comes. */
  clear(wait = false): void {
    this.#change((list) => list.add({ type: "clearOutput", wait }));
  }

  #change(change: (list: OutputList) => void): void {
    if (this.#list.outputs !== this.outputs) this.#list.reset(this.outputs);
    change(this.#list);
    this.outputs = this.#list.outputs;
  }
}
