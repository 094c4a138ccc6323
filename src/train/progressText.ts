import type { Run } from "./run.js";

/** Steps that speed and time left are taken from. */
const recent = 50;

/** One line: step, losses, speed, learning rate, time left, or how the run ended. */
export function statusLine(run: Run): string {
  const { history, step, steps, status } = run;
  const parts = [`step ${step}/${steps}`];
  const last = history.at(-1);
  if (last) parts.push(`loss ${last.loss.toPrecision(4)}`);
  const validation = history.evaluation.loss.at(-1);
  if (validation !== undefined) parts.push(`validation ${validation.toPrecision(4)}`);
  if (last) {
    const { tokensPerSecond, secondsPerStep } = recentSpeed(run);
    parts.push(`${count(tokensPerSecond)} tokens/s`, `${(secondsPerStep * 1000).toPrecision(3)} ms/step`);
    if (status === "running") {
      parts.push(`lr ${last.lr.toExponential(1)}`, `${duration((steps - step) * secondsPerStep)} left`);
    }
  }
  if (status === "stopped") parts.push("stopped: run.resume() goes on");
  else if (status !== "running") parts.push(status);
  if (run.warnings.length > 0) parts.push(`⚠ ${run.warnings.at(-1)}`);
  return parts.join(" · ");
}

function recentSpeed({ history }: Run): { tokensPerSecond: number; secondsPerStep: number } {
  const seconds = history.seconds.subarray(-recent);
  const tokens = history.tokens.subarray(-recent);
  const time = sum(seconds);
  return { tokensPerSecond: sum(tokens) / time, secondsPerStep: time / seconds.length };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function count(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)}k` : value.toFixed(0);
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
