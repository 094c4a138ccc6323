/** Checks of what callers pass in. Every error names the argument, what was expected, what came. */

/** Numbers in an array or a typed array; 64-bit integers are taken as numbers. */
export type NumberList = ArrayLike<number> | ArrayLike<bigint>;

export interface NumberRule {
  /** Smallest value allowed. */
  min?: number;
  /** Only whole numbers. */
  integer?: boolean;
  /** Infinity and NaN are let through. */
  allowNonFinite?: boolean;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "object" || typeof value === "function") return `a value of type ${typeof value}`;
  return String(value);
}

export function checkNumber(name: string, value: unknown, rule: NumberRule = {}): number {
  const wanted = `${rule.integer ? "a whole number" : "a number"}${rule.min === undefined ? "" : ` of at least ${rule.min}`}`;
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number") throw new TypeError(`${name} must be ${wanted}, got ${describe(value)}`);
  if (!Number.isFinite(number)) {
    if (rule.allowNonFinite) return number;
    throw new RangeError(`${name} must be ${wanted}, got ${number}: look for its source before drawing it`);
  }
  if ((rule.integer && !Number.isInteger(number)) || number < (rule.min ?? -Infinity)) {
    throw new RangeError(`${name} must be ${wanted}, got ${number}`);
  }
  return number;
}

/** A non-empty list, given as an array or a typed array. */
export function checkList<T>(name: string, value: ArrayLike<T>, of: string): T[] {
  if (
    value === null ||
    typeof value !== "object" ||
    typeof (value as { length?: unknown }).length !== "number"
  ) {
    throw new TypeError(`${name} must be an array (${of}), got ${describe(value)}`);
  }
  if (value.length === 0) throw new RangeError(`${name} is empty: expected ${of}`);
  return Array.from(value);
}

export function checkNumbers(name: string, value: NumberList, of: string, rule: NumberRule = {}): number[] {
  const list = checkList<number | bigint>(name, value as ArrayLike<number | bigint>, of);
  return list.map((item, i) => checkNumber(`${name}[${i}]`, item, rule));
}

/** A rectangular list of rows. `axes` names what a row and a column stand for, for example "layer" and "expert". */
export function checkMatrix(
  name: string,
  value: ArrayLike<NumberList>,
  axes: { row: string; column: string },
  rule: NumberRule = {},
): number[][] {
  const rows = checkList(name, value, `one row per ${axes.row}`);
  const matrix = rows.map((row, i) =>
    checkNumbers(`${name}[${i}]`, row, `one number per ${axes.column}`, rule),
  );
  matrix.forEach((row, i) => {
    checkSameLength({ [`${name}[0]`]: matrix[0], [`${name}[${i}]`]: row }, `one value per ${axes.column}`);
  });
  return matrix;
}

/** Fails when the two lists, given by name, differ in length. */
export function checkSameLength(lists: { [name: string]: ArrayLike<unknown> }, why: string): void {
  const [first, second] = Object.entries(lists);
  if (!second || first[1].length === second[1].length) return;
  throw new RangeError(
    `${second[0]} has ${second[1].length} values but ${first[0]} has ${first[1].length}: both need ${why}`,
  );
}
