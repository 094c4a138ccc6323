import type { CellScripts } from "./cellScripts.js";
import type { InspectorLink } from "./inspectorLink.js";
import type { Place } from "./sourceLines.js";
import type { VariableList } from "./variableView.js";

/** What is debugged: a session, as the debugger sees it. */
export interface Debuggee {
  readonly inspector: InspectorLink;
  readonly scripts: CellScripts;
  variables(): Promise<VariableList>;
  /** A TypeScript expression, or statements, as JavaScript that finds the variables of cells. */
  toJavaScript(code: string): Promise<string>;
  /** Zero-based lines of a cell of which something runs. */
  codeLines(code: string): Promise<number[]>;
  /** Whether what is thrown at one of the places of a program is caught by a `try` around it in the same function. */
  isGuarded(code: string, places: Place[]): Promise<boolean>;
  /** Makes a variable of unknown type known to later cells; gives the JavaScript that declares it with this value. */
  declaration(name: string, value: string): Promise<string>;
  interrupt(): Promise<void>;
}
