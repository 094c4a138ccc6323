import { base, type WidgetKind } from "./kind.js";
import { Widget } from "./widget.js";

/** Sizes and places as CSS says them, for example `{ width: "50%", margin: "0 1em" }`. */
export interface LayoutState {
  width?: string | null;
  height?: string | null;
  minWidth?: string | null;
  minHeight?: string | null;
  maxWidth?: string | null;
  maxHeight?: string | null;
  margin?: string | null;
  padding?: string | null;
  /** For example "1px solid gray"; the four sides alike. */
  border?: string | null;
  display?: string | null;
  visibility?: "visible" | "hidden" | null;
  overflow?: string | null;
  flex?: string | null;
  flexFlow?: string | null;
  alignItems?: string | null;
  alignSelf?: string | null;
  justifyContent?: string | null;
}

const names = [
  "width",
  "height",
  "minWidth",
  "minHeight",
  "maxWidth",
  "maxHeight",
  "margin",
  "padding",
  "border",
  "display",
  "visibility",
  "overflow",
  "flex",
  "flexFlow",
  "alignItems",
  "alignSelf",
  "justifyContent",
] as const;

const kind: WidgetKind<LayoutState> = {
  name: "Layout",
  module: base,
  initial: Object.fromEntries(names.map((name) => [name, null])),
  toWire: ({ border, ...rest }) => ({
    ...rest,
    borderTop: border,
    borderRight: border,
    borderBottom: border,
    borderLeft: border,
  }),
  fromWire: () => ({}),
  text: (state) =>
    Object.entries(state)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => `${name}: ${value}`)
      .join("; "),
};

/** Where and how large a widget is. Several widgets may have the same one. */
export class Layout extends Widget<LayoutState> {
  constructor(options: LayoutState = {}) {
    super(kind, options);
  }
}
