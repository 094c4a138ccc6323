type Measurement = () => number | Promise<number>;

export interface AlternateOptions {
  /** Measurements of each side. Default 15. */
  rounds?: number;
  /**
   * "best" (default): the smallest, for short CPU-bound work, where everything else on the machine only adds;
   * "median": for work whose own time varies.
   */
  statistic?: "best" | "median";
}

/**
 * Measures two sides in turn, so that what else the machine does hits both alike. Each round measures both, and the
 * side that goes first changes from round to round.
 */
export async function alternate(
  ours: Measurement,
  baseline: Measurement,
  { rounds = 15, statistic = "best" }: AlternateOptions = {},
): Promise<{ ours: number; baseline: number }> {
  const samples = { ours: [] as number[], baseline: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) samples.ours.push(await ours());
    samples.baseline.push(await baseline());
    if (round % 2 === 1) samples.ours.push(await ours());
  }
  const choose = statistic === "best" ? best : median;
  return { ours: choose(samples.ours), baseline: choose(samples.baseline) };
}

function best(samples: number[]): number {
  return Math.min(...samples);
}

function median(samples: number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Nanoseconds a call of `body` takes, over `count` calls. */
export function timePerCall(body: () => unknown, count: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) body();
  return Number(process.hrtime.bigint() - start) / count;
}
