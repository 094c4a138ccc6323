import type { VariableReport } from "../debugger/variableListing.js";
import type { LineMagic } from "./magic.js";
import { textTable } from "./textTable.js";
import { words } from "./words.js";

/** Longest value that a row shows, in UTF-16 units. */
const longestValue = 60;

export const who = listing("who");
/** The name that IPython gives the table. */
export const whos = listing("whos");

function listing(name: string): LineMagic {
  return {
    name,
    summary: "Lists the variables with their values; of tensors shape, dtype, device and bytes.",
    argument: "[TYPE…]",
    read: (argument): string[] => words(argument),
    async run(types: string[], cell) {
      const { variables, current } = await cell.session.variables();
      const wanted = variables.filter(({ type }) => types.length === 0 || types.includes(type));
      const emptiness =
        types.length === 0 ? "There are no variables.\n" : `No variable is a ${types.join(" or ")}.\n`;
      if (wanted.length === 0) cell.emit({ type: "stream", name: "stdout", text: emptiness });
      else cell.emit({ type: "display", data: table(wanted), metadata: {} });
      if (!current)
        cell.emit({
          type: "stream",
          name: "stderr",
          text: "Native code computes: this is the list as it was.\n",
        });
    },
  };
}

function table(variables: VariableReport[]) {
  const tensors = variables.some(({ tensor }) => tensor);
  const head = [
    "name",
    "type",
    tensors ? "value or shape" : "value",
    ...(tensors ? ["dtype", "device", "bytes"] : []),
  ];
  const rows = variables.map(({ name, type, value, tensor }) => {
    if (!tensors) return [name, type, oneLine(value)];
    if (!tensor) return [name, type, oneLine(value), "", "", ""];
    const { shape, dtype, device, bytes } = tensor;
    return [name, type, `[${shape.join(", ")}]`, dtype, device, bytes.toLocaleString("en")];
  });
  return textTable(head, rows, new Set(["bytes"]));
}

function oneLine(value: string): string {
  const text = value.replace(/\s+/g, " ");
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}
