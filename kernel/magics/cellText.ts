/** What the text of a cell says about magics, as far as no parser is needed. */

const magicLine = /^[ \t]*(?:%%?[A-Za-z_]|\?)|\?[ \t]*;?[ \t]*\r?$/m;

/** Whether a cell may hold magics; almost all have none, and nothing more is done about those. */
export function mayHoldMagics(code: string): boolean {
  return magicLine.test(code);
}

/** The same text with spaces in place of all that lies outside `start` and `end`, up to `end`: positions stay. */
export function only(code: string, start: number, end: number): string {
  return blank(code.slice(0, start)) + code.slice(start, end);
}

/** Spaces in place of everything but line ends. */
export function blank(code: string): string {
  return code.replace(/[^\r\n]/g, " ");
}

/** End of the comments and blank lines that a cell starts with. */
export function headEnd(code: string): number {
  return /^(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/.exec(code)![0].length;
}
