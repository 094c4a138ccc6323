/** A place in JavaScript and the place in TypeScript that it comes from; all zero-based, columns in UTF-16 units. */
export interface Mapping {
  line: number;
  column: number;
  sourceLine: number;
  sourceColumn: number;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const digitOf = new Map([...digits].map((digit, value) => [digit, value]));

/** Five bits a digit, the sixth says that more follow; the lowest bit of the number is its sign. */
function* numbers(segment: string): Generator<number> {
  let number = 0;
  let shift = 0;
  for (const digit of segment) {
    const value = digitOf.get(digit) ?? 0;
    number += (value & 31) * 2 ** shift;
    shift += 5;
    if (value & 32) continue;
    yield number % 2 === 1 ? -Math.floor(number / 2) : number / 2;
    number = 0;
    shift = 0;
  }
}

/** Reads the `mappings` of a version 3 source map with one source, in the order of the JavaScript. */
export function decodeMappings(mappings: string): Mapping[] {
  const decoded: Mapping[] = [];
  let sourceLine = 0;
  let sourceColumn = 0;
  for (const [line, segments] of mappings.split(";").entries()) {
    let column = 0;
    for (const segment of segments.split(",")) {
      const [columns, source, sourceLines, sourceColumns] = numbers(segment);
      if (columns === undefined) continue;
      column += columns;
      // Generated code that comes from nowhere.
      if (source === undefined) continue;
      sourceLine += sourceLines;
      sourceColumn += sourceColumns;
      decoded.push({ line, column, sourceLine, sourceColumn });
    }
  }
  return decoded;
}
