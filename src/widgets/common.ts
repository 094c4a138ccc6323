import type { WidgetKind } from "./kind.js";
import { Layout, type LayoutState } from "./layout.js";
import { Style, type StyleState } from "./style.js";

/** What all visible widgets have. */
export interface Common {
  /** Size and place; a plain object becomes a {@link Layout}. Default null: as the front end has it. */
  layout: Layout | LayoutState | null;
  /** Shown when the pointer rests on it. Default null. */
  tooltip: string | null;
}

/** What the controls have. */
export interface Control extends Common {
  /** Stands before the control. Default "". */
  description: string;
  /** Takes no input. Default false. */
  disabled: boolean;
  /** Colours and the room for the description. Default null: as the front end has it. */
  style: Style | StyleState | null;
}

export const common: Common = { layout: null, tooltip: null };
export const control: Control = { ...common, description: "", disabled: false, style: null };

/** The kind with its layout and style as the widgets that they are in the front end. */
export function dressed<S extends Common>(kind: WidgetKind<S>): WidgetKind<S> {
  return {
    ...kind,
    settle(state, owner) {
      const { layout, style } = state as S & { style?: Control["style"] };
      return {
        ...(kind.settle?.(state, owner) ?? state),
        layout: isPlain(layout) ? new Layout(layout) : layout,
        ...(isPlain(style) ? { style: new Style(kind.style!, style) } : {}),
      };
    },
  };
}

function isPlain<T>(value: T | Layout | Style | null | undefined): value is T {
  return value !== null && value !== undefined && !(value instanceof Layout) && !(value instanceof Style);
}

/** `description: rest`, or the rest alone. */
export function described({ description }: { description: string }, rest: string): string {
  return description === "" ? rest : `${description}: ${rest}`;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
