import { type CellBody, type CellMagic, CellOver, MagicError } from "./magic.js";

export const ranks: CellMagic = {
  name: "ranks",
  summary: "Runs the cell on every rank of the notebook's.",
  argument: "[RANK…]",
  body: "typescript",

  read: (argument, code) => ({ argument, code }),

  async run({ argument, code }: Pick<CellBody, "argument" | "code">, cell) {
    const runner = cell.session.bodyRunner("ranks");
    if (!runner) throw new MagicError("%%ranks needs ranks, and this notebook has started none.");
    cell.onInterrupt(() => runner.interrupt());
    const outcome = await runner.run({ argument, code, cellName: cell.name, request: cell.request }, cell);
    if (outcome.status !== "ok") throw new CellOver(outcome);
  },
};
