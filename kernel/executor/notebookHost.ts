import type { DisplayOptions, Host, InputOptions, MimeBundle } from "../../src/host.js";
import { checkedBundle, checkedMetadata } from "../display/mimeBundle.js";
import { type ShownValue, shownValue } from "../display/shownValue.js";
import type { CellRun } from "./cellRun.js";
import type { Outputs } from "./outputs.js";

/** The host that the API finds in a notebook. What it shows belongs to the cell whose code calls it. */
export class NotebookHost implements Host {
  readonly kind = "notebook";
  readonly #outputs: Outputs;
  readonly #currentCell: () => CellRun;
  readonly #ask: (cell: CellRun, prompt: string, password: boolean) => string | null;
  readonly #terminationListeners: (() => void)[] = [];

  constructor(
    outputs: Outputs,
    currentCell: () => CellRun,
    ask: (cell: CellRun, prompt: string, password: boolean) => string | null,
  ) {
    this.#outputs = outputs;
    this.#currentCell = currentCell;
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
    this.#outputs.send({
      type: "display",
      cell: this.#currentCell().number,
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
    const { displays } = this.#currentCell();
    const done = shown.then((each) => this.displayShown(each, options)).finally(() => displays.delete(done));
    displays.add(done);
    return done;
  }

  displayShown({ data, metadata }: ShownValue, options: DisplayOptions = {}): void {
    this.display(data, { ...options, metadata: { ...metadata, ...options.metadata } });
  }

  clearOutput(wait = false): void {
    this.#outputs.send({ type: "clearOutput", cell: this.#currentCell().number, wait });
  }

  input(prompt: string, options: InputOptions = {}): string | null {
    return this.#ask(this.#currentCell(), String(prompt), options.password ?? false);
  }

  get signal(): AbortSignal {
    return this.#currentCell().cancellation.signal;
  }

  onTermination(listener: () => void): void {
    this.#terminationListeners.push(listener);
  }

  /** Code of a cell was terminated; called when the main thread takes messages again. */
  terminated(): void {
    for (const listener of this.#terminationListeners) listener();
  }
}
