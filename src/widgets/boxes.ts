import { describeValue } from "../nn/options.js";
import { type Common, common } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { Widget } from "./widget.js";
import { widgetClass } from "./widgetClass.js";

export interface BoxState extends Common {
  /** Default none. */
  children: readonly Widget[];
  /** Colour by meaning. Default "". */
  boxStyle: "" | "success" | "info" | "warning" | "danger";
}

function boxKind(name: string, between: string): WidgetKind<BoxState> {
  return {
    name,
    initial: { ...common, children: [], boxStyle: "" },
    settle(state, owner) {
      const { children } = state;
      if (!Array.isArray(children)) {
        throw new TypeError(`${owner}: children must be an array of widgets, got ${describeValue(children)}`);
      }
      for (const child of children) {
        if (child instanceof Widget) continue;
        throw new TypeError(`${owner}: children must be widgets, got ${describeValue(child)}`);
      }
      return { ...state, children: [...children] };
    },
    text: ({ children }) =>
      children
        .map(String)
        .filter((text) => text !== "")
        .join(between),
  };
}

/** Widgets beside each other. */
export class HBox extends widgetClass(boxKind("HBox", "   ")) {
  constructor(children: readonly Widget[] = [], options: Partial<BoxState> = {}) {
    super({ children, ...options });
  }
}

/** Widgets below each other. */
export class VBox extends widgetClass(boxKind("VBox", "\n")) {
  constructor(children: readonly Widget[] = [], options: Partial<BoxState> = {}) {
    super({ children, ...options });
  }
}
