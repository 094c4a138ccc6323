import type { CellDisplayOptions, CellGlobals } from "../cells/cellGlobalTypes.js";
import { displayFunctions } from "../display/displayFunctions.js";
import { asShown } from "../display/mimeBundle.js";
import type { NotebookHost } from "./notebookHost.js";

/** The functions that cells find without importing anything. */
export function cellGlobals(host: NotebookHost): CellGlobals {
  // What can be shown at once also fails at once, for those who do not await.
  const display = (value: unknown, options?: CellDisplayOptions): Promise<void> => {
    if (!options?.raw) return host.show(value, options);
    host.displayShown(asShown(value as any, "display"), options);
    return Promise.resolve();
  };
  return {
    display: Object.assign(
      display,
      displayFunctions((shown, options) => host.displayShown(shown, options)),
    ),
    clearOutput: (wait) => host.clearOutput(wait),
    prompt: (message = "", options) => host.input(message, options),
    confirm: (message = "") => /^\s*y(es)?\s*$/i.test(host.input(`${message} [y/N] `) ?? ""),
    alert: (message = "") => void host.input(`${message} [Enter] `),
  };
}
