import { type Control, control, described } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { checkBounds, checkWhole, inBounds } from "./numbers.js";
import { widgetClass } from "./widgetClass.js";

export interface SliderState<V> extends Control {
  /** Moved between the bounds when it lies outside. Default 0, of a range [25, 75]. */
  value: V;
  /** Default 0. */
  min: number;
  /** Default 100. */
  max: number;
  /** Default 1, of FloatSlider 0.1. */
  step: number;
  /** Default "horizontal". */
  orientation: "horizontal" | "vertical";
  /** Whether the value stands beside the slider. Default true. */
  readout: boolean;
  /** As d3-format has it. Default "d", of FloatSlider ".2f". */
  readoutFormat: string;
  /** Whether the value follows while the slider is dragged, or when it is let go. Default true. */
  continuousUpdate: boolean;
}

const slider = {
  ...control,
  min: 0,
  max: 100,
  step: 1,
  orientation: "horizontal",
  readout: true,
  readoutFormat: "d",
  continuousUpdate: true,
} as const;

function text(state: SliderState<number | readonly [number, number]>): string {
  const { value, min, max } = state;
  const shown = typeof value === "number" ? value : value.join(" to ");
  return described(state, `${shown} (${min} to ${max})`);
}

const intKind: WidgetKind<SliderState<number>> = {
  name: "IntSlider",
  style: "SliderStyle",
  initial: { ...slider, value: 0 },
  settle(state, owner) {
    for (const name of ["value", "min", "max", "step"] as const) checkWhole(owner, name, state[name]);
    checkBounds(owner, state);
    return { ...state, value: inBounds(owner, state.value, state) };
  },
  text,
};

/** A whole number. */
export class IntSlider extends widgetClass(intKind) {}

const floatKind: WidgetKind<SliderState<number>> = {
  name: "FloatSlider",
  style: "SliderStyle",
  initial: { ...slider, value: 0, step: 0.1, readoutFormat: ".2f" },
  settle(state, owner) {
    checkBounds(owner, state);
    return { ...state, value: inBounds(owner, state.value, state) };
  },
  text,
};

/** A number. */
export class FloatSlider extends widgetClass(floatKind) {}

const intRangeKind: WidgetKind<SliderState<readonly [number, number]>> = {
  name: "IntRangeSlider",
  style: "SliderStyle",
  initial: { ...slider, value: [25, 75] },
  settle(state, owner) {
    const [low, high] = state.value;
    checkWhole(owner, "value[0]", low);
    checkWhole(owner, "value[1]", high);
    checkBounds(owner, state);
    const ends = [inBounds(owner, low, state), inBounds(owner, high, state)].sort((a, b) => a - b);
    return { ...state, value: [ends[0], ends[1]] };
  },
  text,
};

/** Two whole numbers: a lower and an upper end. */
export class IntRangeSlider extends widgetClass(intRangeKind) {}
