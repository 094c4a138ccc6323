import { stripVTControlCharacters } from "node:util";

/** How many rows the cursor is below the row on which `text` began, in a window of `columns` characters. */
export function rowsBelow(text: string, columns: number): number {
  const lines = stripVTControlCharacters(text).split("\n");
  const last = lines.pop() ?? "";
  let rows = 0;
  for (const line of lines) rows += Math.max(1, Math.ceil(width(line) / columns));
  // A full line leaves the cursor on it until the next character.
  return rows + Math.max(0, Math.ceil(width(last) / columns) - 1);
}

/** The columns that a line takes: tabs go to the next multiple of 8, marks take none, wide characters two. */
function width(line: string): number {
  let column = 0;
  for (const character of line) {
    if (character === "\t") column += 8 - (column % 8);
    else if (character === "\r") column = 0;
    else if (character === "\b") column = Math.max(0, column - 1);
    else if (/[\p{M}\p{Cf}\p{Cc}]/u.test(character)) continue;
    else column += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  }
  return column;
}

/** East Asian wide characters and emoji, by the blocks they lie in. */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f900 && code <= 0x1f9ff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
