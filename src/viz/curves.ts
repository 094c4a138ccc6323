/** Series of numbers over steps: checking, smoothing, thinning. */
import { checkList, checkNumber, checkNumbers, checkSameLength, type NumberList } from "./arguments.js";

export interface Series {
  name: string;
  /** Increasing. */
  steps: NumberList;
  /** One per step. NaN and infinity leave gaps: a run that diverged can be looked at. */
  values: NumberList;
}

export interface Reference {
  name: string;
  value: number;
}

export interface SmoothedSeries {
  name: string;
  steps: number[];
  values: number[];
  /** One per step; see {@link smooth}. Equal to `values` where the series is too short to smooth. */
  smoothed: number[];
}

/** A series of fewer values is drawn as it is. */
const fewestToSmooth = 20;

/**
 * @param halfLife in steps; 0 for no smoothing. Default: a hundredth of the longest series' steps.
 */
export function checkSeries(series: readonly Series[], halfLife?: number): SmoothedSeries[] {
  const list = checkList("series", series, "{ name, steps, values } objects");
  const names = new Set<string>();
  const checked = list.map((one, i) => {
    const at = `series[${i}]`;
    if (typeof one?.name !== "string" || one.name === "") {
      throw new TypeError(`${at}.name must be a string that is not empty: it labels the curve`);
    }
    if (names.has(one.name))
      throw new RangeError(`${at}.name is ${JSON.stringify(one.name)}, taken by another series`);
    names.add(one.name);
    const steps = checkNumbers(`${at}.steps`, one.steps, "one step per value", { min: 0 });
    const values = checkNumbers(`${at}.values`, one.values, "one value per step", { allowNonFinite: true });
    checkSameLength({ [`${at}.steps`]: steps, [`${at}.values`]: values }, "one entry per logged step");
    const back = steps.findIndex((step, j) => j > 0 && step <= steps[j - 1]);
    if (back > 0) {
      throw new RangeError(
        `${at}.steps must increase, but ${steps[back]} follows ${steps[back - 1]} at index ${back}`,
      );
    }
    return { name: one.name, steps, values };
  });
  const longest = Math.max(...checked.map(({ steps }) => steps[steps.length - 1] - steps[0]));
  const half =
    halfLife === undefined ? longest / 100 : checkNumber("smoothingHalfLife", halfLife, { min: 0 });
  return checked.map((one) => ({
    ...one,
    smoothed: one.values.length < fewestToSmooth ? [...one.values] : smooth(one.steps, one.values, half),
  }));
}

export function checkReferences(references: readonly Reference[] = []): Reference[] {
  return Array.from(references, ({ name, value }, i) => ({
    name: String(name),
    value: checkNumber(`references[${i}].value`, value),
  }));
}

/**
 * Two-sided exponential average over steps t, which does not lag behind a falling loss:
 * s_i = Σ_j v_j·2^{−|t_i−t_j|/h} / Σ_j 2^{−|t_i−t_j|/h} over the finite values; NaN where v_i is not finite.
 *
 * @param halfLife h in steps; 0 returns the values
 */
export function smooth(steps: readonly number[], values: readonly number[], halfLife: number): number[] {
  const count = values.length;
  const totals = new Float64Array(count);
  const weights = new Float64Array(count);
  // One pass from each end; v_i itself is counted by the first only.
  for (const direction of [1, -1]) {
    let total = 0;
    let weight = 0;
    for (let n = 0, i = direction > 0 ? 0 : count - 1; n < count; n++, i += direction) {
      const decay = n > 0 && halfLife > 0 ? 2 ** (-Math.abs(steps[i] - steps[i - direction]) / halfLife) : 0;
      total *= decay;
      weight *= decay;
      const own = Number.isFinite(values[i]) ? 1 : 0;
      const value = own ? values[i] : 0;
      totals[i] += direction > 0 ? total + value : total;
      weights[i] += direction > 0 ? weight + own : weight;
      total += value;
      weight += own;
    }
  }
  return values.map((value, i) => (Number.isFinite(value) ? totals[i] / weights[i] : Number.NaN));
}

/** Indices of at most about 2·`buckets` points: the least and the greatest of each bucket, in order, ends included. */
export function thin(values: readonly number[], buckets: number): number[] {
  if (values.length <= 2 * buckets) return values.map((_, i) => i);
  const kept = new Set([0, values.length - 1]);
  for (let b = 0; b < buckets; b++) {
    const from = Math.floor((b * values.length) / buckets);
    const to = Math.floor(((b + 1) * values.length) / buckets);
    let least = -1;
    let greatest = -1;
    for (let i = from; i < to; i++) {
      if (!Number.isFinite(values[i])) {
        // One gap per bucket is enough to show that it is there.
        kept.add(i);
        continue;
      }
      if (least < 0 || values[i] < values[least]) least = i;
      if (greatest < 0 || values[i] > values[greatest]) greatest = i;
    }
    if (least >= 0) kept.add(least).add(greatest);
  }
  return [...kept].sort((a, b) => a - b);
}

/** The least and the greatest finite value; undefined when there is none. */
export function extent(values: Iterable<number>): [number, number] | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : undefined;
}
