import { grey, red } from "./colours.js";

export interface Place {
  /** From one. */
  line: number;
  /** From one, in UTF-16 units. */
  column: number;
}

/** Longest source line that is shown whole, in UTF-16 units. */
const widest = 160;

/**
 * The source line of a place with a mark under it, and lines around it; none when there is no such line.
 *
 * @param context lines shown before and after
 * @param width columns that the mark covers. Default 1
 */
export function excerpt(source: readonly string[], place: Place, context: number, width = 1): string[] {
  const marked = source[place.line - 1];
  if (marked === undefined || marked.trim() === "") return [];
  let first = Math.max(1, place.line - context);
  let last = Math.min(source.length, place.line + context);
  while (source[first - 1].trim() === "") first++;
  while (source[last - 1].trim() === "") last--;
  const digits = String(last).length;
  const lines: string[] = [];
  // What is to the left of a very long line's place is left out, of all lines.
  const skipped = marked.length > widest ? Math.max(0, place.column - widest / 2) : 0;
  const visible = (text: string) => text.slice(skipped, skipped + widest);
  for (let line = first; line <= last; line++) {
    const numbered = `${String(line).padStart(digits)} | ${visible(source[line - 1])}`.trimEnd();
    if (line !== place.line) {
      lines.push(grey(`  ${numbered}`));
      continue;
    }
    // Tabs keep their width in the line below.
    const before = marked.slice(skipped, place.column - 1).replace(/[^\t]/g, " ");
    const carets = "^".repeat(Math.max(1, Math.min(width, visible(marked).length - before.length)));
    lines.push(`${red(">")} ${numbered}`, `  ${" ".repeat(digits)} | ${before}${red(carets)}`);
  }
  return lines;
}
