import { inspect } from "node:util";
import { type Displayable, displaySymbol, type MimeBundle } from "../host.js";
import { checkOptionNames } from "../nn/options.js";
import { classNames, type WidgetKind } from "./kind.js";
import { Link } from "./link.js";
import { Listeners } from "./listeners.js";
import { fromReferences, Part, toReferences } from "./part.js";
import { ownName, wireName } from "./wireState.js";

/**
 * A piece of a page that is shared with the front end: its state is here and there, and each side tells the other of
 * changes. The front end learns of it when it is first shown. Without a front end it is an object with a state, which
 * shows itself as text.
 */
export class Widget<S extends object = any> extends Part implements Displayable {
  readonly #kind: WidgetKind<S>;
  readonly #owner: string;
  readonly #link: Link;
  protected readonly listeners: Listeners;
  #state: S;

  constructor(kind: WidgetKind<S>, options: Partial<S> = {}) {
    super();
    this.#kind = kind;
    this.#owner = `widgets.${kind.name}`;
    this.listeners = new Listeners(this.#owner);
    this.#state = this.#settled(kind.initial, options);
    this.#link = new Link(this, {
      changed: (wire) => this.#changedThere(wire),
      custom: (content) => this.custom(content),
    });
  }

  /** The value of one part of the state. */
  get<K extends keyof S>(name: K): S[K] {
    return this.#state[name];
  }

  /** Changes parts of the state together. @throws TypeError or RangeError for values that cannot be */
  set(changes: Partial<S>): void {
    const previous = this.#state;
    this.#state = this.#settled(previous, changes);
    this.#send(differences(previous, this.#state));
    this.#tell(previous);
  }

  /**
   * Calls `listener` with the new and the previous value after each change of a part of the state, by the front end or
   * by code. What it prints appears in the cell that asked for it. Returns what ends that.
   */
  on<K extends keyof S & string>(name: K, listener: (value: S[K], previous: S[K]) => unknown): () => void {
    checkOptionNames(this.#owner, { [name]: listener }, Object.keys(this.#kind.initial));
    return this.listeners.add(name, listener);
  }

  /** What its value changes to next. Rejects where there is no front end to change it. */
  next(): Promise<S extends { value: infer V } ? V : never>;
  /** What a part of the state changes to next. */
  next<K extends keyof S & string>(name: K): Promise<S[K]>;
  next(name = "value"): Promise<unknown> {
    return this.listeners.next(name);
  }

  /** Takes it out of the page; its state stays readable and settable. */
  close(): void {
    this.#link.close();
  }

  [displaySymbol](): MimeBundle {
    const modelId = this.modelId;
    const view = { version_major: 2, version_minor: 0, model_id: modelId };
    return {
      ...(modelId === null ? {} : { "application/vnd.jupyter.widget-view+json": view }),
      ...(this.#kind.html ? { "text/html": this.#kind.html(this.#state) } : {}),
      "text/plain": this.toString(),
    };
  }

  override toString(): string {
    return this.#kind.text(this.#state);
  }

  [inspect.custom](): string {
    return this.toString();
  }

  override get modelId(): string | null {
    return this.#link.open();
  }

  override wireState(): Record<string, unknown> {
    return { ...classNames(this.#kind), ...this.#wire() };
  }

  override flush(): void {
    this.#link.flush();
  }

  /** A message of the front end that is no state. */
  protected custom(_content: Record<string, unknown>): void {}

  protected sendCustom(content: Record<string, unknown>): void {
    this.#link.sendCustom(content);
  }

  #settled(state: S, changes: Partial<S>): S {
    checkOptionNames(this.#owner, changes, Object.keys(this.#kind.initial));
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    const next = { ...state, ...Object.fromEntries(given) };
    return this.#kind.settle?.(next, this.#owner) ?? next;
  }

  /** What does not fit, or does not stay as it came, is corrected there. */
  #changedThere(wire: Record<string, unknown>): void {
    const previous = this.#state;
    const there = { ...previous, ...this.#fromWire(wire) };
    try {
      this.#state = this.#settled(previous, there);
    } finally {
      this.#send(differences(there, this.#state));
    }
    this.#tell(previous);
  }

  #tell(previous: S): void {
    for (const name of differences(previous, this.#state)) {
      this.listeners.call(name, this.#state[name as keyof S], previous[name as keyof S]);
    }
  }

  #send(names: string[]): void {
    // Which parts another form consists of, the kind alone knows.
    const all = names.length > 0 && this.#kind.toWire ? Object.keys(this.#kind.toWire(this.#state)) : names;
    this.#link.send(all.map(wireName));
  }

  #wire(): Record<string, unknown> {
    const state = this.#kind.toWire?.(this.#state) ?? this.#state;
    return Object.fromEntries(
      Object.entries(state).map(([name, value]) => [wireName(name), toReferences(value)]),
    );
  }

  #fromWire(wire: Record<string, unknown>): Partial<S> {
    if (this.#kind.fromWire) return this.#kind.fromWire(wire, this.#state);
    const known = Object.entries(wire)
      .map(([name, value]) => [ownName(name), fromReferences(value)] as const)
      .filter(([name]) => Object.hasOwn(this.#kind.initial, name));
    return Object.fromEntries(known) as Partial<S>;
  }
}

/** Names whose values are not the same. */
function differences(previous: object, state: object): string[] {
  const before = previous as Record<string, unknown>;
  return Object.entries(state)
    .filter(([name, value]) => !same(before[name], value))
    .map(([name]) => name);
}

function same(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!Array.isArray(one) || !Array.isArray(other)) return false;
  return one.length === other.length && one.every((each, at) => same(each, other[at]));
}
