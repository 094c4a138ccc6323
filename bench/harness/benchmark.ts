/** One comparison: ours and the baseline, measured in turn in the same run. Lower is better. */
export interface BenchmarkCase {
  case: string;
  ours: number;
  baseline: number;
  /** ours ÷ baseline. */
  ratio: number;
  /** Of ours and baseline: "ns", "ms", "bytes", "MB" … */
  unit: string;
  /** What else a reader should know: what the baseline is, limits, counts. */
  note?: string;
}

/** A benchmark's file exports one as `benchmark`; `bench/benchmarks.ts` lists the files. */
export interface Benchmark {
  /** As on the command line, lower case with hyphens. */
  name: string;
  /** @param progress writes a line to stderr; stdout is for the result alone. */
  run(progress: (line: string) => void): Promise<BenchmarkCase[]>;
}

/** A case from two measurements, rounded to what a reader can use. */
export function compare(
  name: string,
  measured: { ours: number; baseline: number },
  unit: string,
  note?: string,
): BenchmarkCase {
  const ratio = measured.ours / measured.baseline;
  return {
    case: name,
    ours: significant(measured.ours),
    baseline: significant(measured.baseline),
    ratio: significant(ratio),
    unit,
    ...(note === undefined ? {} : { note }),
  };
}

function significant(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
}
