import type { MimeBundle } from "../../src/host.js";

/**
 * A table for places that show text and for those that show Markdown.
 *
 * @param right columns whose cells end at the same place: numbers
 */
export function textTable(
  head: string[],
  rows: string[][],
  right: ReadonlySet<string> = new Set(),
): MimeBundle {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => row[at].length)));
  const padded = (row: string[]) =>
    row.map((cell, at) => (right.has(head[at]) ? cell.padStart(widths[at]) : cell.padEnd(widths[at])));
  const marks = head.map((name) => (right.has(name) ? "--:" : ":--"));
  const shown = head.some((name) => name !== "") ? all : rows;
  return {
    "text/plain": shown.map((row) => padded(row).join("  ").trimEnd()).join("\n"),
    "text/markdown": [head, marks, ...rows.map((row) => row.map(escaped))].map(markdownRow).join("\n"),
  };
}

function markdownRow(cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Nothing of a value is markup. */
function escaped(cell: string): string {
  return cell.replace(/[\\`*_[\]<>|#&~$]/g, (mark) => (mark === "<" ? "&lt;" : `\\${mark}`));
}
