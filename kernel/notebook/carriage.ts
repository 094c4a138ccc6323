// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what this file is about

/**
 * What a terminal shows of a line that is written over itself: progress bars go back with `\r`, `\b` or "cursor to
 * column", perhaps erase, and write again. Colours (SGR escape sequences) move with the characters they were written
 * for. Other escape sequences are kept where they are.
 */

/** One column: a character, and the SGR sequences in force when it was written. Null: nothing was written there. */
type Glyph = { text: string; style: string } | null;

/** Whether a text moves the cursor within the line or erases, so that {@link settleLine} has something to do. */
export function rewritesLine(text: string): boolean {
  return /[\r\b]|\u001b\[[0-9]*[KGCD]/.test(text);
}

/** The moves at the end of a settled line that only say where the cursor is. */
export const trailingMoves = /(?:[\r\b]|\u001b\[\d+C)+$/;

// An escape sequence, a control character, or one character with its combining marks.
const token = /\u001b\[[0-9;:?]*[ -/]*[@-~]|\P{M}\p{M}*|\p{M}+/gu;
const style = /^\u001b\[[0-9;:]*m$/;
const styleReset = /^\u001b\[[0;]*m$/;
const lineControl = /^\u001b\[(\d*)([KGCD])$/;

/**
 * The shortest text that shows what `line` (without `\n`) shows. When the cursor is not at the line's end, the
 * result ends with moves that put it where it was, so that more text can be appended and settled again.
 */
export function settleLine(line: string): string {
  const glyphs: Glyph[] = [];
  let column = 0;
  let current = "";
  for (const [text] of line.matchAll(token)) {
    if (text === "\r") column = 0;
    else if (text === "\b") column = Math.max(0, column - 1);
    else if (style.test(text)) current = styleReset.test(text) ? "" : current + text;
    else {
      const control = lineControl.exec(text);
      if (control?.[2] === "K") erase(glyphs, column, Number(control[1]));
      else if (control) column = move(column, control[2], Number(control[1]) || 1);
      else if (text.startsWith("\u001b["))
        glyphs[column] = { text: text + (glyphs[column]?.text ?? ""), style: current };
      else glyphs[column++] = { text, style: current };
    }
  }
  while (glyphs.length > 0 && !glyphs.at(-1)) glyphs.pop();
  return print(glyphs, current) + moveFromEnd(column, glyphs.length);
}

/** "Erase in line": from the cursor to the end (0), from the start through the cursor (1), or all of it (2). */
function erase(glyphs: Glyph[], column: number, part: number): void {
  const from = part === 0 ? column : 0;
  const to = part === 1 ? Math.min(column + 1, glyphs.length) : glyphs.length;
  for (let at = from; at < to; at++) glyphs[at] = null;
}

/** "Cursor to column" (G, from 1), forward (C) and back (D). */
function move(column: number, control: string, count: number): number {
  if (control === "G") return count - 1;
  return Math.max(0, column + (control === "C" ? count : -count));
}

function print(glyphs: Glyph[], finalStyle: string): string {
  let text = "";
  let written = "";
  const change = (next: string): void => {
    if (next === written) return;
    text += next.startsWith(written) ? next.slice(written.length) : `\u001b[0m${next}`;
    written = next;
  };
  for (let column = 0; column < glyphs.length; column++) {
    const glyph = glyphs[column] ?? { text: " ", style: "" };
    change(glyph.style);
    text += glyph.text;
  }
  change(finalStyle);
  return text;
}

function moveFromEnd(column: number, length: number): string {
  if (column > length) return `\u001b[${column - length}C`;
  if (column === 0 && length > 0) return "\r";
  return "\b".repeat(length - column);
}
