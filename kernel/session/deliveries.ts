import type { CellNumber } from "../channel/messages.js";
import type { OutputOrigin } from "./cells.js";
import type { EventSink } from "./events.js";

/** What a message of the front end set off in the executor; its timers and promises may still produce output. */
interface Delivery extends OutputOrigin {
  finish(): void;
}

/** Deliveries whose late output still finds them. */
const keptDeliveries = 1000;

/** The messages that were handed to the executor: those it has not finished with, and the last of the others. */
export class Deliveries {
  readonly #pending = new Map<CellNumber, Delivery>();
  readonly #finished = new Map<CellNumber, Delivery>();

  /** Resolves when the delivery has ended. */
  start(number: CellNumber, id: string, sink: EventSink): Promise<void> {
    return new Promise((finish) => this.#pending.set(number, { id, sink, ended: false, finish }));
  }

  find(number: CellNumber): OutputOrigin | undefined {
    return this.#pending.get(number) ?? this.#finished.get(number);
  }

  end(number: CellNumber): void {
    const delivery = this.#pending.get(number);
    if (!delivery) return;
    this.#pending.delete(number);
    this.#finished.set(number, delivery);
    if (this.#finished.size > keptDeliveries) this.#finished.delete(this.#finished.keys().next().value!);
    delivery.finish();
  }

  /** The executor that had them is gone. */
  endAll(): void {
    for (const number of [...this.#pending.keys()]) this.end(number);
  }
}
