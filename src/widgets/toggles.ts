import { type Control, control, described } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { checkType } from "./values.js";
import { widgetClass } from "./widgetClass.js";

export interface ToggleState extends Control {
  /** Default false. */
  value: boolean;
}

function settle<S extends ToggleState>(state: S, owner: string): S {
  checkType(owner, "value", state.value, "boolean");
  return state;
}

const text = (state: ToggleState) => described(state, state.value ? "yes" : "no");

export interface CheckboxState extends ToggleState {
  /** Whether it stands in line with controls that have their description before them. Default true. */
  indent: boolean;
}

const checkboxKind: WidgetKind<CheckboxState> = {
  name: "Checkbox",
  style: "CheckboxStyle",
  initial: { ...control, value: false, indent: true },
  settle,
  text,
};

/** Yes or no. */
export class Checkbox extends widgetClass(checkboxKind) {}

export interface ToggleButtonState extends ToggleState {
  /** Name of a Font Awesome icon, for example "play". Default "". */
  icon: string;
  /** Colour by meaning. Default "". */
  buttonStyle: "" | "primary" | "success" | "info" | "warning" | "danger";
}

const toggleButtonKind: WidgetKind<ToggleButtonState> = {
  name: "ToggleButton",
  style: "ToggleButtonStyle",
  initial: { ...control, value: false, icon: "", buttonStyle: "" },
  settle,
  text,
};

/** A button that stays pressed. */
export class ToggleButton extends widgetClass(toggleButtonKind) {}
