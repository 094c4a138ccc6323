import { readdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { LineMagic } from "./magic.js";
import { words } from "./words.js";

export const cd: LineMagic = {
  name: "cd",
  summary: "Changes the directory: cells run in it and import from it. Alone, back to the notebook's.",
  argument: "[DIRECTORY]",
  changesScope: true,

  read: (argument): string => words(argument).join(" "),

  async run(directory: string, cell) {
    const now = await cell.call("directory", { directory });
    cell.emit({ type: "stream", name: "stdout", text: `${now}\n` });
    await cell.session.moveTo(now);
  },

  complete(argument) {
    const folder = argument.slice(0, argument.lastIndexOf("/") + 1);
    try {
      return readdirSync(path.resolve(process.cwd(), folder), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
        .map((entry) => `${folder}${entry.name}/`);
    } catch {
      return [];
    }
  },
};
