import type { ToKernel } from "../channel/messages.js";
import type { InspectorLink } from "../debugger/inspectorLink.js";
import type { Cell, Cells, OutputOrigin } from "./cells.js";
import { Deliveries } from "./deliveries.js";
import type { Emission, SessionEvent } from "./events.js";
import type { ExecutorProcess } from "./executorProcess.js";
import { frequentOutput, unsentLength } from "./frequentOutput.js";
import { OpenComms } from "./openComms.js";
import { OutputCoalescer } from "./outputCoalescer.js";

type Background = (event: SessionEvent, cellId: string) => Emission;

/** What executors say about cells, about messages of the front end and to the debugger: each goes to whom it concerns. */
export class ExecutorMessages {
  /** Messages of the front end that the executor works on. */
  readonly deliveries = new Deliveries();
  readonly comms = new OpenComms();
  readonly #cells: Cells;
  readonly #inspector: InspectorLink;
  readonly #onBackground: Background | undefined;
  readonly #outputs = new OutputCoalescer<OutputOrigin>((origin, output) => this.emit(origin, output));

  /** @param onBackground takes what a cell outputs after its end; else its own sink does */
  constructor(cells: Cells, inspector: InspectorLink, onBackground: Background | undefined) {
    this.#cells = cells;
    this.#inspector = inspector;
    this.#onBackground = onBackground;
  }

  receive(executor: ExecutorProcess, message: ToKernel, buffers: Uint8Array[], jsonLength: number): void {
    if (message.type === "inspected" || message.type === "inspectorEvent") {
      this.#inspector.receive(message);
      return;
    }
    if (message.type === "ready" || message.type === "exiting") return;
    const cell = this.#cells.find(message.cell);
    const origin = this.deliveries.find(message.cell) ?? cell;
    const output = frequentOutput(message);
    const consumed = () => executor.send({ type: "consumed", length: unsentLength(message, jsonLength) });
    if (!origin && output) consumed();
    if (!origin) return;
    if (output) {
      this.#outputs.add(origin, output, consumed);
      return;
    }
    this.#outputs.flush();
    switch (message.type) {
      case "comm": {
        const { cell: _, size, ...content } = message;
        this.comms.note(content);
        this.emit(origin, { ...content, buffers });
        consumed();
        break;
      }
      case "delivered":
        this.deliveries.end(message.cell);
        break;
      case "result": {
        const { data, metadata } = message;
        if (!cell) break;
        this.emit(cell, { type: "result", data, metadata, executionCount: cell.executionCount });
        break;
      }
      case "input":
        void this.#answerInput(executor, origin === cell ? cell : null, message);
        break;
      case "done": {
        const { status, fault: error, expressions: userExpressions } = message;
        if (!cell) break;
        const complete = executor.nativeOutputComplete(cell.number);
        void complete.then(() => cell.finish({ status, error, userExpressions }));
        break;
      }
    }
  }

  /** Output of native code or of a child process; `flushed` is called when it has been handed on. */
  receiveNative(name: "stdout" | "stderr", text: string, flushed: () => void): void {
    const cell = this.#cells.likeliest;
    if (cell) this.#outputs.add(cell, { type: "stream", name, text }, flushed);
    else flushed();
  }

  emit(origin: OutputOrigin, event: SessionEvent): Emission {
    return origin.ended && this.#onBackground ? this.#onBackground(event, origin.id) : origin.sink(event);
  }

  /** Hands on what was held back to be joined with what follows. */
  flush(): void {
    this.#outputs.flush();
  }

  /** Nothing comes any more: what the executor worked on ends, and its comms are closed. */
  executorEnded(): void {
    this.flush();
    this.deliveries.endAll();
    for (const closed of this.comms.closeAll()) {
      this.#onBackground?.({ type: "comm", ...closed, buffers: [] }, "");
    }
  }

  async #answerInput(
    executor: ExecutorProcess,
    cell: Cell | null,
    { input, prompt, password }: Extract<ToKernel, { type: "input" }>,
  ): Promise<void> {
    let value: string | null = null;
    try {
      if (cell && !cell.ended && cell.request.input) value = await cell.request.input(prompt, password);
    } finally {
      executor.send({ type: "inputReply", input, value });
    }
  }
}
