import { inspectionBundle } from "../cells/inspectionBundle.js";
import { type MagicCell, MagicError } from "./magic.js";

/** `?name` and `name?`: what a name is, in the pager of clients that have one, else in the cell's output. */
export async function inspectName(name: string, cell: MagicCell): Promise<void> {
  const found = await cell.session.compiler.inspect(name, name.length);
  if (!found) throw new MagicError(`?${name}: nothing of that name is known here.`);
  cell.emit({ type: "display", data: inspectionBundle(found), metadata: {}, pager: true });
}
