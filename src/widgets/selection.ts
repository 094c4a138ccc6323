import { inspect } from "node:util";
import { type Control, control, described, dressed } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { Widget } from "./widget.js";

/** What can be chosen: values that are their own labels, or labels with their values. */
export type Options<T> = readonly T[] | Readonly<Record<string, T>>;

export interface SelectionState<T> extends Control {
  options: Options<T>;
  /** One of the options' values, or null for none. Default: the first. */
  value: T | null;
}

function labels(options: Options<unknown>): string[] {
  if (!Array.isArray(options)) return Object.keys(options);
  return options.map((option) => (typeof option === "string" ? option : inspect(option)));
}

const values = <T>(options: Options<T>): T[] => (Array.isArray(options) ? options : Object.values(options));

function selectionKind<T>(name: string): WidgetKind<SelectionState<T>> {
  return dressed({
    name,
    style: "DescriptionStyle",
    initial: { ...control, options: [], value: null },
    settle(state, owner) {
      const { options, value } = state;
      if (typeof options !== "object" || options === null) {
        throw new TypeError(
          `${owner}: options must be an array or an object of values, got ${inspect(options)}`,
        );
      }
      if (value === null || values(options).includes(value)) return state;
      throw new TypeError(
        `${owner}: value must be one of ${labels(options).join(", ")} or null, got ${inspect(value)}`,
      );
    },
    toWire: ({ options, value, ...rest }) => ({
      ...rest,
      _optionsLabels: labels(options),
      index: value === null ? null : values(options).indexOf(value),
    }),
    fromWire(wire, { options }) {
      if (!("index" in wire)) return {};
      const { index } = wire;
      if (index === null) return { value: null };
      if (!Number.isInteger(index) || !((index as number) in values(options))) {
        throw new RangeError(`widgets.${name}: expected the index of an option, got ${index}`);
      }
      return { value: values(options)[index as number] };
    },
    text: (state) => {
      const at = state.value === null ? -1 : values(state.options).indexOf(state.value);
      const all = labels(state.options);
      return described(state, `${all[at] ?? "none"} (of ${all.join(", ")})`);
    },
  });
}

abstract class Selection<T> extends Widget<SelectionState<T>> {
  constructor(name: string, options: Partial<SelectionState<T>>) {
    const [first = null] = options.options ? values(options.options) : [];
    super(selectionKind<T>(name), { value: first, ...options });
  }

  get options(): Options<T> {
    return this.get("options");
  }

  /** With new options, the value stays if it is one of them and is the first of them otherwise. */
  set options(options: Options<T>) {
    const all = values(options);
    const { value } = this;
    this.set({ options, value: value !== null && all.includes(value) ? value : (all[0] ?? null) });
  }

  get value(): T | null {
    return this.get("value");
  }

  set value(value: T | null) {
    this.set({ value });
  }

  get disabled(): boolean {
    return this.get("disabled");
  }

  set disabled(disabled: boolean) {
    this.set({ disabled });
  }

  get description(): string {
    return this.get("description");
  }

  set description(description: string) {
    this.set({ description });
  }
}

/** One of several, from a list that opens. */
export class Dropdown<T> extends Selection<T> {
  constructor(options: Partial<SelectionState<T>> & { options: Options<T> }) {
    super("Dropdown", options);
  }
}

/** One of several, all of them seen. */
export class RadioButtons<T> extends Selection<T> {
  constructor(options: Partial<SelectionState<T>> & { options: Options<T> }) {
    super("RadioButtons", options);
  }
}
