import { type Common, type Control, common, described, escapeHtml } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { checkBounds, checkWhole, inBounds } from "./numbers.js";
import { widgetClass } from "./widgetClass.js";

export interface ProgressState extends Common {
  /** Moved between the bounds when it lies outside. Default 0. */
  value: number;
  /** Default 0. */
  min: number;
  /** Default 100, of FloatProgress 1. */
  max: number;
  /** Stands before the bar. Default "". */
  description: string;
  /** Colour by meaning. Default "". */
  barStyle: "" | "success" | "info" | "warning" | "danger";
  /** Default "horizontal". */
  orientation: "horizontal" | "vertical";
  /** See {@link Control.style}. */
  style: Control["style"];
}

const initial: ProgressState = {
  ...common,
  value: 0,
  min: 0,
  max: 100,
  description: "",
  barStyle: "",
  orientation: "horizontal",
  style: null,
};

/** Characters of a bar in text. */
const width = 20;

function share({ value, min, max }: ProgressState): number {
  return max > min ? (value - min) / (max - min) : 1;
}

function text(state: ProgressState): string {
  const done = Math.round(share(state) * width);
  const percent = `${Math.round(share(state) * 100)}%`;
  return described(state, `${"█".repeat(done)}${"░".repeat(width - done)} ${percent}`);
}

function html(state: ProgressState): string {
  const label = escapeHtml(described(state, ""));
  const percent = Math.round(share(state) * 100);
  return `<label>${label}<progress value="${percent}" max="100"></progress> ${percent}%</label>`;
}

const intKind: WidgetKind<ProgressState> = {
  name: "IntProgress",
  view: "Progress",
  style: "ProgressStyle",
  initial,
  settle(state, owner) {
    for (const name of ["value", "min", "max"] as const) checkWhole(owner, name, state[name]);
    checkBounds(owner, state);
    return { ...state, value: inBounds(owner, state.value, state) };
  },
  text,
  html,
};

/** How far something has come, in whole numbers. */
export class IntProgress extends widgetClass(intKind) {}

const floatKind: WidgetKind<ProgressState> = {
  ...intKind,
  name: "FloatProgress",
  initial: { ...initial, max: 1 },
  settle(state, owner) {
    checkBounds(owner, state);
    return { ...state, value: inBounds(owner, state.value, state) };
  },
};

/** How far something has come. */
export class FloatProgress extends widgetClass(floatKind) {}
