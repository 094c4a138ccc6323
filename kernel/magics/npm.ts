import { type LineMagic, MagicError } from "./magic.js";
import { words } from "./words.js";

/** What is said here → what npm calls it. */
const commands: Record<string, "install" | "uninstall"> = {
  add: "install",
  install: "install",
  remove: "uninstall",
  uninstall: "uninstall",
};

export const npm: LineMagic = {
  name: "npm",
  summary: "Adds packages to the notebook's folder, or removes them; cells import them without a restart.",
  argument: "add|remove PACKAGE[@VERSION]…",
  changesScope: true,

  read(argument): string[] {
    const [command, ...packages] = words(argument);
    const name = command !== undefined && Object.hasOwn(commands, command) ? commands[command] : undefined;
    if (!name) throw new MagicError(`%npm: expected add or remove, got ${command ?? "nothing"}.`);
    if (!packages.some((each) => !each.startsWith("-"))) {
      throw new MagicError(`%npm ${command}: expected the names of packages, got ${packages[0] ?? "none"}.`);
    }
    return [name, ...packages];
  },

  async run(args: string[], cell) {
    await cell.call("npm", { args });
    await cell.session.compiler.lookFrom();
  },

  complete: (argument) => (/\s/.test(argument) ? [] : ["add", "remove"]),
};
