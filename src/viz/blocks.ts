/** Small pictures from block characters, for terminals and for files where nothing else shows. */

const eighths = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** One character per share: 0 is the lowest block, 1 the full one. Shares outside are clipped; NaN is a space. */
export function blockRow(shares: readonly number[]): string {
  return shares
    .map((share) => (Number.isNaN(share) ? " " : eighths[level(share, eighths.length - 1)]))
    .join("");
}

/** A bar chart `rows` lines high, top line first; shares as in {@link blockRow}. */
export function blockRows(shares: readonly number[], rows: number): string[] {
  const steps = eighths.length * rows;
  return Array.from({ length: rows }, (_, i) => {
    const below = eighths.length * (rows - 1 - i);
    return shares
      .map((share) => {
        if (Number.isNaN(share)) return " ";
        const filled = 1 + level(share, steps - 1) - below;
        return filled <= 0 ? " " : eighths[Math.min(filled, eighths.length) - 1];
      })
      .join("");
  });
}

function level(share: number, highest: number): number {
  return Math.round(Math.min(1, Math.max(0, share)) * highest);
}

/** At most `count` means of neighbouring values; NaN values are left out of the means. */
export function binMeans(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, b) => {
    const bin = values.slice(
      Math.floor((b * values.length) / count),
      Math.floor(((b + 1) * values.length) / count),
    );
    const finite = bin.filter(Number.isFinite);
    return finite.length === 0 ? Number.NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length;
  });
}

/** Values → shares of the range [low, high]; a range of zero width gives ½. */
export function sharesOf(values: readonly number[], low: number, high: number): number[] {
  return values.map((value) => {
    if (!Number.isFinite(value)) return Number.NaN;
    return high > low ? (value - low) / (high - low) : 0.5;
  });
}
