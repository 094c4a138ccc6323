import { cat } from "./operators.generated.js";
import type { Tensor } from "./tensor.js";

const maxElements = 1000;
const edge = 3;

/** Values, shape, dtype, device and history, as PyTorch prints them; long dimensions show their first and last three. */
export function formatTensor(tensor: Tensor): string {
  const shape = tensor.shape;
  const summarise = tensor.numel > maxElements;
  const nested = read(tensor, summarise);
  const numbers = flatten(nested);
  const text = numberFormat(numbers);
  const body = layOut(nested, shape, 0, "tensor(".length, text, summarise);
  const suffix = [`shape [${shape.join(", ")}]`, tensor.dtype];
  if (tensor.device !== "cpu") suffix.push(tensor.device);
  const history = tensor.gradFn;
  if (history) suffix.push(`gradFn ${history}`);
  else if (tensor.requiresGrad) suffix.push("requiresGrad");
  return `tensor(${body}, ${suffix.join(", ")})`;
}

type Nested = number | bigint | boolean | Nested[];

/** Reads only what is shown, so that printing a large tensor costs nothing. */
function read(tensor: Tensor, summarise: boolean): Nested {
  let shown = tensor.detach();
  if (summarise) {
    for (const [dim, size] of tensor.shape.entries()) {
      if (size <= 2 * edge) continue;
      const first = shown.narrow(dim, 0, edge);
      const last = shown.narrow(dim, size - edge, edge);
      const both = cat([first, last], dim);
      shown.dispose();
      first.dispose();
      last.dispose();
      shown = both;
    }
  }
  const nested = shown.toArray();
  shown.dispose();
  return nested;
}

function flatten(nested: Nested): (number | bigint | boolean)[] {
  return Array.isArray(nested) ? nested.flatMap(flatten) : [nested];
}

/** One format for all elements, so that columns line up. */
function numberFormat(values: (number | bigint | boolean)[]): (value: number | bigint | boolean) => string {
  const finite = values.filter(
    (value): value is number => typeof value === "number" && Number.isFinite(value),
  );
  const integers = values.every(
    (value) => typeof value !== "number" || Number.isInteger(value) || !Number.isFinite(value),
  );
  let write: (value: number) => string;
  if (integers) write = (value) => String(value);
  else {
    const magnitudes = finite.filter((value) => value !== 0).map(Math.abs);
    const largest = Math.max(...magnitudes);
    const smallest = Math.min(...magnitudes);
    const exponential = largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1e5;
    write = exponential ? (value) => value.toExponential(4) : (value) => value.toFixed(4);
  }
  const text = (value: number | bigint | boolean) =>
    typeof value === "number" ? write(value) : String(value);
  const width = Math.max(0, ...values.map((value) => text(value).length));
  return (value) => text(value).padStart(width);
}

function layOut(
  nested: Nested,
  shape: readonly number[],
  depth: number,
  indent: number,
  text: (value: number | bigint | boolean) => string,
  summarise: boolean,
): string {
  if (!Array.isArray(nested)) return text(nested);
  const elements = nested.map((element) => layOut(element, shape, depth + 1, indent + 1, text, summarise));
  if (summarise && shape[depth] > 2 * edge) elements.splice(edge, 0, "…");
  const innermost = depth === shape.length - 1;
  if (innermost) return `[${wrapLine(elements, indent + 1)}]`;
  const gap = "\n".repeat(shape.length - 1 - depth) + " ".repeat(indent + 1);
  return `[${elements.join(`,${gap}`)}]`;
}

function wrapLine(elements: string[], indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const element of elements) {
    const next = line === "" ? element : `${line}, ${element}`;
    if (next.length + indent > 100 && line !== "") {
      lines.push(line);
      line = element;
    } else line = next;
  }
  lines.push(line);
  return lines.join(`,\n${" ".repeat(indent)}`);
}
