import { checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import { divisor } from "./deepSpeed.js";
import type { Schedule } from "./schedule.js";

export interface OneCycleOptions {
  /** Learning rate at the beginning and the end of the cycle. */
  cycleMinLr: number;
  /** Learning rate at its top. */
  cycleMaxLr: number;
  /** After the cycle: rate / (1 + decayLrRate · updates / decayStepSize). Default 0. */
  decayLrRate?: number;
  /** Updates of the rise. Default 2000. */
  cycleFirstStepSize?: number;
  /** Updates of the fall. Default: as many as of the rise. */
  cycleSecondStepSize?: number | null;
  /** Stairs in which the rate rises. Default 0: none. */
  cycleFirstStairCount?: number;
  /** Stairs in which it falls. Default: as many as it rises. */
  cycleSecondStairCount?: number | null;
  /** Default 0: no decay. */
  decayStepSize?: number;
  /** The momentum falls as the rate rises: β₁ of Adam, the momentum of SGD. Default true. */
  cycleMomentum?: boolean;
  /** Default 0.8. */
  cycleMinMom?: number;
  /** Default 0.9. */
  cycleMaxMom?: number;
  /** After the cycle: momentum · (1 + decayMomRate · updates / decayStepSize). Default 0. */
  decayMomRate?: number;
}

const names = [
  ...["cycleMinLr", "cycleMaxLr", "decayLrRate", "cycleFirstStepSize", "cycleSecondStepSize"],
  ...["cycleFirstStairCount", "cycleSecondStairCount", "decayStepSize", "cycleMomentum"],
  ...["cycleMinMom", "cycleMaxMom", "decayMomRate"],
];

/**
 * The 1cycle policy (Smith, "A disciplined approach to neural network hyper-parameters", arXiv 1803.09820) with the
 * names and formulas of DeepSpeed's OneCycle.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const owner = "train.oneCycle";
  checkOptionNames(owner, options, names);
  const real = (name: string, value: number) => checkReal(owner, name, value, { min: 0 });
  const count = (name: string, value: number, min: number) => checkCount(owner, name, value, min);
  const minLr = real("cycleMinLr", options.cycleMinLr);
  const maxLr = real("cycleMaxLr", options.cycleMaxLr);
  const minMom = real("cycleMinMom", options.cycleMinMom ?? 0.8);
  const maxMom = real("cycleMaxMom", options.cycleMaxMom ?? 0.9);
  const lrDecay = real("decayLrRate", options.decayLrRate ?? 0);
  const momDecay = real("decayMomRate", options.decayMomRate ?? 0);
  const first = count("cycleFirstStepSize", options.cycleFirstStepSize ?? 2000, 1);
  const second = count("cycleSecondStepSize", options.cycleSecondStepSize ?? first, 1);
  const firstStairs = count("cycleFirstStairCount", options.cycleFirstStairCount ?? 0, 0);
  const secondStairs = count("cycleSecondStairCount", options.cycleSecondStairCount ?? firstStairs, 0);
  const interval = count("decayStepSize", options.decayStepSize ?? 0, 0);
  const total = first + second;

  /** Height in the cycle, 0 to 1. */
  const height = (step: number) => {
    const place = step % total;
    const rising = place <= first;
    const stairs = rising ? firstStairs : secondStairs;
    const share = rising ? place / first : (total - place) / second;
    if (stairs === 0) return share;
    const scaled = rising ? (place * stairs) / first : ((total - place) * stairs) / second;
    return Math.floor(scaled) / stairs;
  };
  /** Iterations since the cycle, in intervals; null within it. */
  const beyond = (step: number) => {
    const iteration = step - 1;
    if (iteration < total) return null;
    return interval === 0 ? 0 : (iteration - total + 1) / interval;
  };
  const schedule: Schedule = (step, _steps, lr) => {
    const after = beyond(step);
    const rate = after === null ? minLr + (maxLr - minLr) * height(step) : minLr / (1 + lrDecay * after);
    return rate / divisor(owner, lr);
  };
  if (options.cycleMomentum ?? true) {
    schedule.momentum = (step) => {
      const after = beyond(step);
      return after === null ? maxMom - (maxMom - minMom) * height(step) : maxMom * (1 + momDecay * after);
    };
  }
  return schedule;
}
