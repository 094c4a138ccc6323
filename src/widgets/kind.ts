/** A package of the front end. */
interface FrontEndModule {
  name: string;
  version: string;
}

/** What a kind of widgets is. `S` is its state as users see it. */
export interface WidgetKind<S> {
  /** Its name here, and the front end's for it. */
  name: string;
  /** Default: the name. */
  view?: string;
  /** Default: the package of the controls. */
  module?: FrontEndModule;
  /** Default: that of the model. */
  viewModule?: FrontEndModule;
  /** The front end's model of its style, if it takes one. */
  style?: string;
  /** The state before anything was set; its names are all that there are. */
  initial: S;
  /**
   * Checks a new state and makes it whole, for example by moving a value between its bounds; called before it takes
   * effect. Throws for what cannot be. `owner` names the widget in errors.
   */
  settle?(state: S, owner: string): S;
  /** The state in the front end's form, where that has other parts. */
  toWire?(state: S): Record<string, unknown>;
  fromWire?(wire: Record<string, unknown>, state: S): Partial<S>;
  /** One line, or several, for where widgets are not drawn. */
  text(state: S): string;
  /** The same with markup, where that tells more. */
  html?(state: S): string;
}

export const base = { name: "@jupyter-widgets/base", version: "2.0.0" };
export const controls = { name: "@jupyter-widgets/controls", version: "2.0.0" };
export const output = { name: "@jupyter-widgets/output", version: "1.0.0" };

/** The names of the front end's classes, as they are part of every state. */
export function classNames(kind: WidgetKind<any>): Record<string, string> {
  const { name, view = name, module = controls, viewModule = module } = kind;
  return {
    _model_name: `${name}Model`,
    _model_module: module.name,
    _model_module_version: module.version,
    _view_name: `${view}View`,
    _view_module: viewModule.name,
    _view_module_version: viewModule.version,
  };
}
