import type {
  BindOptions,
  Comms,
  DisplayOptions,
  Host,
  HostOutput,
  InputOptions,
  MimeBundle,
} from "../../src/host.js";
import { checkedBundle, checkedMetadata } from "../display/mimeBundle.js";
import { type ShownValue, shownValue } from "../display/shownValue.js";
import type { CellRun } from "./cellRun.js";
import type { Executor } from "./executor.js";
import type { Outputs } from "./outputs.js";
import type { SharedState } from "./sharedState.js";

/** The host that the API finds in a notebook. What it shows belongs to the cell whose code calls it. */
export class NotebookHost implements Host {
  readonly kind = "notebook";
  readonly interruptFlag: Int32Array;
  readonly #outputs: Outputs;
  readonly #executor: Executor;
  readonly #ask: (cell: CellRun, prompt: string, password: boolean) => string | null;
  readonly comms: Comms | null;
  readonly #terminationListeners: (() => void)[] = [];

  constructor(
    outputs: Outputs,
    executor: Executor,
    shared: SharedState,
    comms: Comms | null,
    ask: (cell: CellRun, prompt: string, password: boolean) => string | null,
  ) {
    this.#outputs = outputs;
    this.#executor = executor;
    this.interruptFlag = shared.endNowFlag;
    this.comms = comms;
    this.#ask = ask;
  }

  display(data: MimeBundle, options: DisplayOptions = {}): void {
    const { metadata = {}, displayId, update = false } = options;
    if (update && displayId === undefined) {
      throw new TypeError(
        "display: `update` replaces the outputs named by `displayId`, but no displayId was given.",
      );
    }
    if (displayId !== undefined && typeof displayId !== "string") {
      throw new TypeError(`display: expected displayId to be a string, got ${typeof displayId}.`);
    }
    this.#outputs.show(this.#executor.currentCell, {
      type: "display",
      data: checkedBundle(data, "display"),
      metadata: checkedMetadata(metadata, "display"),
      displayId,
      update,
    });
  }

  show(value: unknown, options: DisplayOptions = {}): Promise<void> {
    const shown = shownValue(value);
    if (!(shown instanceof Promise)) {
      this.displayShown(shown, options);
      return Promise.resolve();
    }
    const { displays, capture } = this.#executor.currentCell;
    // Where the call stands is where the value is to appear, whatever runs when its bundle is made.
    const appear = this.bind((each: ShownValue) => {
      const show = () => this.displayShown(each, options);
      if (capture) this.#executor.currentCell.captured(capture, show);
      else show();
    });
    const done = shown.then(appear).finally(() => displays.delete(done));
    displays.add(done);
    return done;
  }

  displayShown({ data, metadata }: ShownValue, options: DisplayOptions = {}): void {
    // Of a value that shows itself by other means.
    if (Object.keys(data).length === 0) return;
    this.display(data, { ...options, metadata: { ...metadata, ...options.metadata } });
  }

  clearOutput(wait = false): void {
    this.#outputs.show(this.#executor.currentCell, { type: "clearOutput", wait });
  }

  input(prompt: string, options: InputOptions = {}): string | null {
    return this.#ask(this.#executor.currentCell, String(prompt), options.password ?? false);
  }

  get signal(): AbortSignal {
    return this.#executor.currentCell.cancellation.signal;
  }

  onTermination(listener: () => void): void {
    this.#terminationListeners.push(listener);
  }

  bind<P extends unknown[]>(
    listener: (...parameters: P) => void,
    options: BindOptions = {},
  ): (...parameters: P) => void {
    return this.#executor.bind(listener, options);
  }

  capture<R>(sink: (output: HostOutput) => void, code: () => R): R {
    return this.#executor.currentCell.captured(sink, code);
  }

  /** Code of a cell was terminated; called when the main thread takes messages again. */
  terminated(): void {
    for (const listener of this.#terminationListeners) listener();
  }
}
