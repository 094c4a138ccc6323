import { type BindOptions, displaySymbol, host } from "../host.js";

type Listener = (...parameters: any[]) => unknown;

/**
 * Who wants to know of what happens to a widget. A listener runs as a part of the cell that added it, so that what it
 * prints appears there. What it throws is an error of its own: it reaches neither the others nor whoever caused it.
 */
export class Listeners {
  readonly #listeners = new Map<PropertyKey, Set<Listener>>();
  readonly #owner: string;

  /** @param owner names the widget in errors */
  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Returns what removes it. */
  add(event: PropertyKey, listener: Listener, options: BindOptions = {}): () => void {
    if (typeof listener !== "function") {
      throw new TypeError(`${this.#owner}: expected a function that listens, got ${typeof listener}.`);
    }
    const guarded = host().bind((...parameters: unknown[]) => {
      try {
        const returned = listener(...parameters);
        if (returned instanceof Promise) returned.catch(throwLater);
      } catch (fault) {
        throwLater(fault);
      }
    }, options);
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(guarded));
    const remove = () => void listeners.delete(guarded);
    // A cell that ends with adding a listener has nothing to show.
    return Object.assign(remove, { [displaySymbol]: () => ({}) });
  }

  call(event: PropertyKey, ...parameters: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...parameters);
  }

  /** The first parameter of the next such event. Rejects where no front end is there to cause it. */
  next<T>(event: PropertyKey): Promise<T> {
    if (!host().comms) {
      const message = `${this.#owner}: expected a front end whose user can act, got none.`;
      return Promise.reject(new Error(message));
    }
    return new Promise((resolve) => {
      const take = (value: T) => {
        remove();
        resolve(value);
      };
      const remove = this.add(event, take, { untilInterrupted: true });
    });
  }
}

function throwLater(fault: unknown): void {
  queueMicrotask(() => {
    throw fault;
  });
}
