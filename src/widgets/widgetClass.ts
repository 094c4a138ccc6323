import { type Common, dressed } from "./common.js";
import type { WidgetKind } from "./kind.js";
import { Widget } from "./widget.js";

/** A class of widgets whose instances have each part of their state as a property. */
export type WidgetClass<S extends object> = new (options?: Partial<S>) => Widget<S> & S;

/** Makes the class of a kind of widgets; its constructor takes any parts of the state. */
export function widgetClass<S extends Common>(kind: WidgetKind<S>): WidgetClass<S> {
  const whole = dressed(kind);
  class Kind extends Widget<S> {
    constructor(options?: Partial<S>) {
      super(whole, options);
    }
  }
  for (const name of Object.keys(kind.initial) as (keyof S)[]) {
    Object.defineProperty(Kind.prototype, name, {
      get(this: Kind) {
        return this.get(name);
      },
      set(this: Kind, value: S[typeof name]) {
        this.set({ [name]: value } as unknown as Partial<S>);
      },
    });
  }
  return Kind as unknown as WidgetClass<S>;
}
