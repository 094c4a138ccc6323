import { base, type WidgetKind } from "./kind.js";
import { Widget } from "./widget.js";

/** How a widget looks; which of these a kind of widgets has is the front end's to know. Colours are CSS's. */
export interface StyleState {
  /** Room for the description, for example "initial" for as much as it needs. */
  descriptionWidth?: string | null;
  /** Of a slider. */
  handleColor?: string | null;
  /** Of a progress bar. */
  barColor?: string | null;
  /** Of a button. */
  buttonColor?: string | null;
  textColor?: string | null;
  background?: string | null;
  fontSize?: string | null;
  fontWeight?: string | null;
}

function kind(name: string): WidgetKind<StyleState> {
  return {
    name,
    view: "Style",
    viewModule: base,
    initial: {
      descriptionWidth: null,
      handleColor: null,
      barColor: null,
      buttonColor: null,
      textColor: null,
      background: null,
      fontSize: null,
      fontWeight: null,
    },
    // A model has only some of them.
    toWire: (state) => Object.fromEntries(Object.entries(state).filter(([, value]) => value !== null)),
    fromWire: () => ({}),
    text: () => "",
  };
}

export class Style extends Widget<StyleState> {
  /** @param name the front end's name for the style of this kind of widgets */
  constructor(name: string, options: StyleState) {
    super(kind(name), options);
  }
}
