/** Training: optimizers, schedules, runs in the background. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export { type CheckpointState, latestCheckpoint, listCheckpoints, readCheckpoint } from "./checkpoint.js";
export { clipGradNorm } from "./clipping.js";
export {
  type DeepSpeedOptions,
  type DeepSpeedSettings,
  fromDeepSpeedConfig,
} from "./deepSpeed/deepSpeedConfig.js";
export { type EvaluateOptions, type Evaluation, evaluate } from "./evaluation.js";
export { type FitOptions, fit } from "./fit.js";
export type { EvaluationRecord, History, StepRecord } from "./history.js";
export type { LossScaleOptions } from "./lossScale.js";
export { NonFiniteError } from "./nonFinite.js";
export { Adam, type AdamOptions, AdamW, type AdamWOptions, adam, adamw } from "./optimizers/adam.js";
export type {
  Optimizer,
  OptimizerContext,
  OptimizerFor,
  Parameters,
  StepOptions,
} from "./optimizers/optimizer.js";
export type { ParameterGroup, ParameterSelector } from "./optimizers/parameterGroups.js";
export { SGD, type SGDOptions, sgd } from "./optimizers/sgd.js";
export type { HalfParameters, Precision } from "./precision.js";
export { type Run, type RunStatus, type RunSummary, TrainingInterrupted } from "./run.js";
export {
  type ConstantOptions,
  constant,
  cosine,
  type DecayOptions,
  inverseSqrt,
  linear,
  type StepLROptions,
  stepLR,
  type WarmupCosineOptions,
  type WSDOptions,
  warmupCosine,
  wsd,
} from "./schedules/decay.js";
export {
  type LRRangeTestOptions,
  lrRangeTest,
  type WarmupCosineLROptions,
  type WarmupDecayLROptions,
  type WarmupLROptions,
  warmupCosineLR,
  warmupDecayLR,
  warmupLR,
} from "./schedules/deepSpeed.js";
export { type OneCycleOptions, oneCycle } from "./schedules/oneCycle.js";
export type { Schedule } from "./schedules/schedule.js";
export type { Batch, LossReport, Routed, Trainable } from "./trainable.js";
