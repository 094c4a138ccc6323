/** Training: optimizers, schedules, runs in the background. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export { AdamW, type AdamWOptions, adamw } from "./adamw.js";
export { type CheckpointState, latestCheckpoint, listCheckpoints, readCheckpoint } from "./checkpoint.js";
export { clipGradNorm } from "./clipping.js";
export { type EvaluateOptions, type Evaluation, evaluate } from "./evaluation.js";
export { type FitOptions, fit } from "./fit.js";
export type { EvaluationRecord, History, StepRecord } from "./history.js";
export type { Optimizer, OptimizerFor, Parameters } from "./optimizer.js";
export { type Run, type RunStatus, type RunSummary, TrainingInterrupted } from "./run.js";
export { constant, type Schedule, type WarmupCosineOptions, warmupCosine } from "./schedule.js";
export type { Batch, LossReport, Routed, Trainable } from "./trainable.js";
export { NonFiniteError, type Precision } from "./trainStep.js";
