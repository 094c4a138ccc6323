import type { TableExcerpt } from "./table.js";

const gap = "  ";

/** A table for terminals: aligned columns, names and types above them, the size below. */
export function tableText({ columns, rows, summary }: TableExcerpt): string {
  const numbers = ["", "", ...rows.map((row) => (row === null ? "⋮" : String(row)))];
  const texts = columns.map((column) => {
    if (!column) return ["…", "", ...rows.map(() => "…")];
    return [column.name, column.type, ...rows.map((row) => (row === null ? "⋮" : column.text(row)))];
  });
  const padded = [
    aligned(numbers, true),
    ...texts.map((lines, at) => aligned(lines, columns[at]?.numeric ?? false)),
  ];
  const typed = columns.some((column) => column && column.type !== "");
  const lines = numbers.map((_, line) =>
    padded
      .map((column) => column[line])
      .join(gap)
      .trimEnd(),
  );
  if (!typed) lines.splice(1, 1);
  return [...(columns.length > 0 ? lines : []), summary].join("\n");
}

function aligned(lines: string[], right: boolean): string[] {
  const width = Math.max(...lines.map((line) => line.length));
  return lines.map((line) => (right ? line.padStart(width) : line.padEnd(width)));
}
