import { type LineMagic, MagicError } from "./magic.js";

export const reset: LineMagic = {
  name: "reset",
  summary: "Forgets all variables and declarations: a fresh executor. With -f without asking.",
  argument: "[-f]",
  changesScope: true,

  read(argument): { force: boolean } {
    if (argument !== "" && argument !== "-f")
      throw new MagicError(`%reset: expected -f or nothing, got ${argument}.`);
    return { force: argument === "-f" };
  },

  async run({ force }: { force: boolean }, cell) {
    if (!force && !(await confirmed(cell.request.input))) {
      cell.emit({ type: "stream", name: "stdout", text: "Nothing was forgotten.\n" });
      return;
    }
    await cell.session.reset();
  },

  complete: () => ["-f"],
};

/** @throws MagicError when nobody can be asked */
async function confirmed(
  ask: ((prompt: string, password: boolean) => Promise<string | null>) | undefined,
): Promise<boolean> {
  if (!ask) throw new MagicError("%reset asks before it forgets, but nobody can answer here. Say %reset -f.");
  const answer = await ask("Forget all variables? They cannot be recovered. [y/N] ", false);
  return /^\s*y(es)?\s*$/i.test(answer ?? "");
}
