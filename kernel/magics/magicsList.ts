import { type LineMagic, MagicError } from "./magic.js";
import { magicForm } from "./magicForm.js";

export const magicsList = listing("magics");
/** The name that IPython gives it. */
export const lsmagic = listing("lsmagic");

function listing(name: string): LineMagic {
  return {
    name,
    summary: "Lists the magics.",
    argument: "",
    read(argument) {
      if (argument !== "") throw new MagicError(`%${name}: expected nothing more, got ${argument}.`);
    },
    async run(_, cell) {
      // Not before it is needed: the table holds this very magic.
      const { lineMagics, cellMagics } = await import("./table.js");
      const rows = [
        ...lineMagics
          .filter((magic) => magic !== lsmagic)
          .map((magic) => [magicForm("%", magic), magic.summary]),
        ...cellMagics.map((magic) => [magicForm("%%", magic), magic.summary]),
        ["?NAME, NAME?", "Shows what a name is: its declaration and its documentation."],
      ];
      const width = Math.max(...rows.map(([form]) => form.length));
      const markdown = rows.map(([form, summary]) => `| \`${form.replaceAll("|", "\\|")}\` | ${summary} |`);
      const data = {
        "text/plain": rows.map(([form, summary]) => `${form.padEnd(width)}  ${summary}`).join("\n"),
        "text/markdown": ["| magic | |", "|---|---|", ...markdown].join("\n"),
      };
      cell.emit({ type: "display", data, metadata: {} });
    },
  };
}
