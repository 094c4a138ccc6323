/**
 * Widgets: controls on the page of a notebook that share their state with code. They speak the protocol of ipywidgets;
 * where the front end has no `jupyterlab_widgets`, and without a front end, they show themselves as text.
 */
export { type BoxState, HBox, VBox } from "./boxes.js";
export { Button, type ButtonState } from "./button.js";
export { type Choice, type Chosen, Interact, interact, type Range } from "./interact.js";
export { Layout, type LayoutState } from "./layout.js";
export { Output, type OutputState } from "./output.js";
export type { StoredOutput } from "./outputs.js";
export { FloatProgress, IntProgress, type ProgressState } from "./progress.js";
export { Dropdown, type Options, RadioButtons, type SelectionState } from "./selection.js";
export { FloatSlider, IntRangeSlider, IntSlider, type SliderState } from "./sliders.js";
export type { StyleState } from "./style.js";
export { HTML, Label, Text, Textarea, type TextState } from "./texts.js";
export { Checkbox, type CheckboxState, ToggleButton, type ToggleButtonState } from "./toggles.js";
export { Widget } from "./widget.js";
