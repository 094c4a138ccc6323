import { type Control, control } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { widgetClass } from "./widgetClass.js";

export interface ButtonState extends Control {
  /** Name of a Font Awesome icon, for example "play". Default "". */
  icon: string;
  /** Colour by meaning. Default "". */
  buttonStyle: "" | "primary" | "success" | "info" | "warning" | "danger";
}

const kind: WidgetKind<ButtonState> = {
  name: "Button",
  style: "ButtonStyle",
  initial: { ...control, icon: "", buttonStyle: "" },
  text: ({ description }) => `[${description}]`,
};

const clicked = Symbol("clicked");

/** Something to click on; `description` stands on it. */
export class Button extends widgetClass(kind) {
  /** Calls `listener` at each click; what it prints appears in the cell that asked for it. Returns what ends that. */
  onClick(listener: (button: Button) => unknown): () => void {
    return this.listeners.add(clicked, listener);
  }

  /** Resolves at the next click. Rejects where there is no front end. */
  clicked(): Promise<Button> {
    return this.listeners.next(clicked);
  }

  /** As the user's click. */
  click(): void {
    this.listeners.call(clicked, this);
  }

  protected override custom({ event }: Record<string, unknown>): void {
    if (event === "click") this.click();
  }
}
