/** Written by an executor to its real standard output and error; the kernel process takes it out again. */
export function endOfCellMark(identity: string, cell: number): string {
  return `${markStart(identity)}${cell}${markEnd}`;
}

/** What every mark of an executor starts with: a control character that text does not contain, and its name. */
export function markStart(identity: string): string {
  return `\u001emoelab:${identity}:`;
}

export const markEnd = "\u001e";
