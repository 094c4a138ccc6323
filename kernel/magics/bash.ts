import { type CellMagic, type LineMagic, type MagicCell, MagicError } from "./magic.js";

const run = async (script: string, cell: MagicCell): Promise<void> => {
  await cell.call("bash", { script });
};

export const bash: CellMagic = {
  name: "bash",
  summary: "Runs the cell as a script of bash and shows what it prints.",
  argument: "",
  body: "other",
  read(argument, body): string {
    if (argument !== "") throw new MagicError(`%%bash: expected the script below, got ${argument} as well.`);
    if (body.trim() === "") throw new MagicError("%%bash: expected a script in the lines below, got none.");
    return body;
  },
  run,
};

export const bashLine: LineMagic = {
  name: "bash",
  summary: "Runs a command line of bash and shows what it prints.",
  argument: "COMMAND",
  read(argument): string {
    if (argument === "") throw new MagicError("%bash: expected a command, got nothing.");
    return argument;
  },
  run,
};
