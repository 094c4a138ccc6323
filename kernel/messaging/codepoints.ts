/** Jupyter counts cursors in Unicode code points, JavaScript and TypeScript in UTF-16 units. */

export function toUtf16(text: string, codepoints: number): number {
  let offset = 0;
  for (let count = 0; count < codepoints && offset < text.length; count++) {
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  }
  return offset;
}

export function toCodepoints(text: string, offset: number): number {
  let codepoints = 0;
  for (let at = 0; at < offset && at < text.length; codepoints++) {
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  }
  return codepoints;
}
