import type { MimeBundle } from "../../src/host.js";
import type { CellDisplayOptions, CellGlobals } from "../cells/ambient.js";
import type { CellRun } from "./cellRun.js";
import { type ShownValue, shownValue } from "./mimeBundle.js";
import type { NotebookHost } from "./notebookHost.js";

/** The functions that cells find without importing anything. */
export function cellGlobals(host: NotebookHost, currentCell: () => CellRun): CellGlobals {
  const display = (value: unknown, options: CellDisplayOptions = {}): Promise<void> => {
    const { raw = false, displayId, update, metadata } = options;
    const show = (shown: ShownValue) =>
      host.display(shown.data, { metadata: { ...shown.metadata, ...metadata }, displayId, update });
    const shown = raw ? { data: value as MimeBundle, metadata: {} } : shownValue(value);
    if (!(shown instanceof Promise)) {
      show(shown);
      return Promise.resolve();
    }
    const { displays } = currentCell();
    const done = shown.then(show).finally(() => displays.delete(done));
    displays.add(done);
    return done;
  };
  return {
    display,
    clearOutput: (wait) => host.clearOutput(wait),
    prompt: (message = "", options) => host.input(message, options),
    confirm: (message = "") => /^\s*y(es)?\s*$/i.test(host.input(`${message} [y/N] `) ?? ""),
    alert: (message = "") => void host.input(`${message} [Enter] `),
  };
}
