import { type Common, type Control, common, control, described, escapeHtml } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { checkType } from "./values.js";
import { widgetClass } from "./widgetClass.js";

function settle<S extends { value: string }>(state: S, owner: string): S {
  checkType(owner, "value", state.value, "string");
  return state;
}

export interface TextState extends Control {
  /** Default "". */
  value: string;
  /** Shown while the value is empty. Default "". */
  placeholder: string;
  /** Whether the value follows each key, or Enter and leaving the field. Default true. */
  continuousUpdate: boolean;
}

const initial: TextState = { ...control, value: "", placeholder: "", continuousUpdate: true };

const textKind: WidgetKind<TextState> = {
  name: "Text",
  style: "TextStyle",
  initial,
  settle,
  text: (state) => described(state, JSON.stringify(state.value)),
};

const submitted = Symbol("submitted");

/** One line of text. */
export class Text extends widgetClass(textKind) {
  /** Calls `listener` with the text when Enter is pressed. Returns what ends that. */
  onSubmit(listener: (value: string) => unknown): () => void {
    return this.listeners.add(submitted, listener);
  }

  protected override custom({ event }: Record<string, unknown>): void {
    if (event === "submit") this.listeners.call(submitted, this.value);
  }
}

export interface TextareaState extends TextState {
  /** Lines that are seen. Default null: as the front end has it. */
  rows: number | null;
}

const textareaKind: WidgetKind<TextareaState> = {
  name: "Textarea",
  style: "TextStyle",
  initial: { ...initial, rows: null },
  settle,
  text: (state) => described(state, JSON.stringify(state.value)),
};

/** Several lines of text. */
export class Textarea extends widgetClass(textareaKind) {}

export interface ShownTextState extends Common {
  /** Default "". */
  value: string;
  /** Stands before it. Default "". */
  description: string;
  /** See {@link Control.style}. */
  style: Control["style"];
}

const shown: ShownTextState = { ...common, value: "", description: "", style: null };

const labelKind: WidgetKind<ShownTextState> = {
  name: "Label",
  style: "LabelStyle",
  initial: shown,
  settle,
  text: (state) => described(state, state.value),
};

/** Text to read. */
export class Label extends widgetClass(labelKind) {}

const htmlKind: WidgetKind<ShownTextState> = {
  name: "HTML",
  style: "HTMLStyle",
  initial: shown,
  settle,
  text: (state) => described(state, withoutTags(state.value)),
  html: (state) => `${escapeHtml(described(state, ""))}${state.value}`,
};

/** Markup to read. */
export class HTML extends widgetClass(htmlKind) {}

function withoutTags(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
