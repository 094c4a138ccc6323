import type { LayerMeasures } from "../moe/statistics/measures.js";
import { noGrad } from "../torch/autograd.js";
import { cat, stack } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import type { LossReport } from "./trainable.js";

export interface ReportNumbers {
  loss: number;
  metrics: Record<string, number>;
}

/** Loss and metrics of a pass, still on the device. */
export interface PendingReport {
  names: string[];
  /** float64 [1 + names] */
  values: Tensor;
}

export function pendingReport({ loss, metrics }: LossReport): PendingReport {
  const { device } = loss;
  const scalars = [loss, ...Object.values(metrics)];
  const wide = scalars.map((scalar) => scalar.detach().reshape([]).to({ dtype: "float64", device }));
  return { names: Object.keys(metrics), values: noGrad(() => stack(wide)) };
}

/** Numbers of passes and other float64 vectors, in one transfer from the device. */
export function readReports(
  reports: readonly PendingReport[],
  other?: Tensor,
): { reports: ReportNumbers[]; other: Float64Array } {
  const { device } = reports[0].values;
  const parts = [...reports.map(({ values }) => values), ...(other ? [other.to({ device })] : [])];
  const all = noGrad(() => cat(parts))
    .cpu()
    .asTypedArray({ copy: true }) as Float64Array;
  let at = 0;
  const numbers = reports.map(({ names }) => {
    const loss = all[at];
    const metrics = Object.fromEntries(names.map((name, index) => [name, all[at + 1 + index]]));
    at += 1 + names.length;
    return { loss, metrics };
  });
  return { reports: numbers, other: all.subarray(at) };
}

/** Means over passes that count by their weights. */
export function meanReport(reports: readonly ReportNumbers[], weights: readonly number[]): ReportNumbers {
  if (reports.length === 1) return reports[0];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (value: (report: ReportNumbers) => number) =>
    reports.reduce((sum, report, at) => sum + value(report) * weights[at], 0) / total;
  const names = Object.keys(reports[0].metrics);
  return {
    loss: mean(({ loss }) => loss),
    metrics: Object.fromEntries(names.map((name) => [name, mean(({ metrics }) => metrics[name])])),
  };
}

/** The routing of several passes as that of one: all measures are sums. */
export function addMeasures(sum: LayerMeasures[], more: readonly LayerMeasures[]): LayerMeasures[] {
  if (sum.length === 0) return [...more];
  for (const [at, layer] of more.entries()) {
    for (const [name, values] of Object.entries(layer)) {
      if (!(values instanceof Float64Array)) continue;
      const total = sum[at][name as "load"];
      for (let index = 0; index < values.length; index++) total[index] += values[index];
    }
  }
  return sum;
}
