/** Checks of what a user passes to a constructor. Each error says what was expected, what came and what to do. */

/**
 * @param owner named in the error, for example "moe.MoELayer"
 * @throws TypeError for something that is no object, or holds a name that is not known
 */
export function checkOptionNames(owner: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${owner}: expected an object with options, got ${describeValue(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const hint = near ? `did you mean '${near}'? ` : "";
    throw new TypeError(`${owner} has no option '${name}': ${hint}it takes ${known.join(", ")}`);
  }
}

/** @throws RangeError unless `value` is a whole number of at least `min` */
export function checkCount(owner: string, name: string, value: unknown, min = 1): number {
  if (!Number.isInteger(value) || (value as number) < min) {
    throw new RangeError(
      `${owner}: ${name} must be a whole number from ${min} up, got ${describeValue(value)}`,
    );
  }
  return value as number;
}

export interface Interval {
  /** Smallest value allowed. */
  min?: number;
  /** Largest value allowed. */
  max?: number;
  /** Values must be larger than this. */
  above?: number;
  /** Values must be smaller than this. */
  below?: number;
}

/** @throws RangeError unless `value` is a finite number in the interval */
export function checkReal(owner: string, name: string, value: unknown, interval: Interval = {}): number {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = interval;
  const number = value as number;
  if (!Number.isFinite(value) || number < min || number > max || number <= above || number >= below) {
    const bounds = [
      interval.min !== undefined && `≥ ${min}`,
      interval.above !== undefined && `> ${above}`,
      interval.max !== undefined && `≤ ${max}`,
      interval.below !== undefined && `< ${below}`,
    ].filter((bound) => bound !== false);
    const expected = bounds.length > 0 ? `a finite number ${bounds.join(" and ")}` : "a finite number";
    throw new RangeError(`${owner}: ${name} must be ${expected}, got ${describeValue(value)}`);
  }
  return number;
}

/** @throws TypeError unless `value` is one of `choices` */
export function checkChoice<T extends string>(
  owner: string,
  name: string,
  value: unknown,
  choices: readonly T[],
): T {
  if (!choices.includes(value as T)) {
    const expected = choices.map((choice) => `"${choice}"`).join(" or ");
    throw new TypeError(`${owner}: ${name} must be ${expected}, got ${describeValue(value)}`);
  }
  return value as T;
}

export function describeValue(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "object"}`;
  if (typeof value === "function") return `a function (${value.name || "anonymous"})`;
  return String(value);
}

/** The known name that differs in at most a third of its letters. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.ceil(best.candidate.length / 3) ? best.candidate : undefined;
}

/** Insertions, deletions and replacements that turn one text into the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
