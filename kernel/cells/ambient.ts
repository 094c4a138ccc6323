import { fileURLToPath } from "node:url";

/** Without its extension, as an import names it; with the separators that TypeScript has on every system. */
const types = fileURLToPath(new URL("./cellGlobalTypes.js", import.meta.url)).replaceAll("\\", "/");

/**
 * What cells find on `globalThis` (`cellGlobalTypes.ts`). The first cell sees these as if an earlier one had declared
 * them, so a notebook may define the names anew.
 */
export const ambientDeclarations = `
declare const display: import(${JSON.stringify(types)}).CellDisplay;
/** Clears the outputs of this cell; with \`wait\`, only when the next output arrives. */
declare function clearOutput(wait?: boolean): void;
/** Asks for a line of text and waits for it; null when nobody can answer. */
declare function prompt(message?: string, options?: { password?: boolean }): string | null;
/** Asks for yes or no and waits; false when nobody can answer. */
declare function confirm(message?: string): boolean;
/** Shows a message and waits until it is confirmed. */
declare function alert(message?: string): void;
`;
