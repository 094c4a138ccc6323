import { fileURLToPath } from "node:url";

/** Programs that are bundled: name → module, below `kernel/`. */
export const programs = {
  commands: "commands.js",
  executor: "executor/executorProgram.js",
  control: "executor/control.js",
};

export type ProgramName = keyof typeof programs;

/** Modules that no bundle contains: the program is given them. */
export const asTheyAre = ["executor/nodeImport.js"];

/** Where the bundle of a program lies, if there is one. */
export function bundleFile(name: ProgramName): string {
  return fileURLToPath(new URL(`./${name}.bundle`, import.meta.url));
}
