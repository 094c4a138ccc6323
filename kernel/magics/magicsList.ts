import { type LineMagic, MagicError } from "./magic.js";
import { magicForm } from "./magicForm.js";
import { textTable } from "./textTable.js";

export const magicsList = listing("magics");
/** The name that IPython gives it. */
export const lsmagic = listing("lsmagic");

/** Second names, which IPython uses. */
const alias = new Set(["lsmagic", "whos"]);

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
          .filter(({ name: each }) => !alias.has(each))
          .map((magic) => [magicForm("%", magic), magic.summary]),
        ...cellMagics.map((magic) => [magicForm("%%", magic), magic.summary]),
        ["?NAME, NAME?", "Shows what a name is: its declaration and its documentation."],
      ];
      const data = textTable(["", ""], rows);
      cell.emit({ type: "display", data, metadata: {} });
    },
  };
}
