import type { TableExcerpt } from "./table.js";

/** A table for front ends. Markdown is shown everywhere, also in notebooks that are not trusted; HTML is not. */
export function tableMarkdown({ columns, rows, summary }: TableExcerpt): string {
  if (columns.length === 0) return `*${summary}*`;
  const head = columns.map((column) => {
    if (!column) return "…";
    return column.type === "" ? escaped(column.name) : `${escaped(column.name)}<br>*${escaped(column.type)}*`;
  });
  const alignment = columns.map((column) => (column?.numeric ? "---:" : ":---"));
  const body = rows.map((row) => {
    const cells = columns.map((column) => (row === null || !column ? "…" : escaped(column.text(row))));
    return line([row === null ? "⋮" : String(row), ...cells]);
  });
  return [line(["", ...head]), line(["---:", ...alignment]), ...body, "", `*${summary}*`].join("\n");
}

function line(cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Text that Markdown is to show as it is. */
export function escaped(text: string): string {
  // Between two of these signs front ends look for mathematics, escaped or not, but not in code.
  if (text.split("$").length > 2) return `\`${text.replaceAll("`", "'").replaceAll("|", "\\|")}\``;
  const marks = text.replace(/[\\`*_{}[\]#|~$!]/g, "\\$&");
  return marks.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
