import { readFileSync } from "node:fs";
import { checkChoice, checkOptionNames, checkReal, describeValue } from "../../nn/options.js";
import { camelCase } from "../../torch/operator.js";
import type { FitOptions } from "../fit.js";
import { adam, adamw } from "../optimizers/adam.js";
import type { OptimizerFor } from "../optimizers/optimizer.js";
import { sgd } from "../optimizers/sgd.js";
import type { Precision } from "../precision.js";
import { lrRangeTest, warmupCosineLR, warmupDecayLR, warmupLR } from "../schedules/deepSpeed.js";
import { oneCycle } from "../schedules/oneCycle.js";
import type { Schedule } from "../schedules/schedule.js";
import { batchSizes } from "./batchSizes.js";
import {
  autocastKeys,
  bf16Keys,
  fp16Keys,
  harmlessKeys,
  optimizerKeys,
  schedulerKeys,
  unsupportedKeys,
  usedKeys,
  zeroKeys,
  zeroObjects,
} from "./keys.js";

/** What stands for "auto", as the arguments of Hugging Face's Trainer do there. */
export interface DeepSpeedOptions {
  /** Updates of the run: `total_num_steps` of schedules. Default: those that `train.fit` is given. */
  steps?: number;
  /** `train_micro_batch_size_per_gpu`. */
  batchSize?: number;
  /** `gradient_accumulation_steps`. Default 1. */
  gradientAccumulationSteps?: number;
  /** `gradient_clipping`. Default 1. */
  clip?: number;
  /** `lr` and `warmup_max_lr`. Default 5e-5. */
  lr?: number;
  /** Default 0. */
  weightDecay?: number;
  /** `warmup_num_steps`. Default 0. */
  warmupSteps?: number;
  /** Which of fp16 and bf16 is enabled where both are "auto". Default: none. */
  precision?: "f32" | "bf16" | "f16";
  /** Processes that train together. Default 1. */
  ranks?: number;
}

export interface DeepSpeedSettings {
  /** Sequences of a pass: the dataset's batchSize. */
  batchSize: number;
  /** Sequences of an update. */
  trainBatchSize: number;
  /** For `train.fit`. */
  options: Pick<
    FitOptions,
    "optimizer" | "schedule" | "clip" | "precision" | "lossScale" | "gradientAccumulationSteps"
  >;
  /** What of the configuration has no effect here, and why. */
  notes: string[];
}

type Section = Record<string, unknown>;

const owner = "train.fromDeepSpeedConfig";
const said = new Set<string>();

/**
 * What a DeepSpeed configuration says, as options of `train.fit`. Values may be "auto", as in configurations for Hugging
 * Face's Trainer; `options` has what they stand for.
 *
 * `fp16` and `bf16` mean parameters of that type and weights in float32, `torch_autocast` means `precision: "bf16"` or "f16".
 * The optimizer "Adam" is AdamW unless `adam_w_mode` is false, and all parameters decay, as in DeepSpeed. Stages of
 * `zero_optimization` share state among ranks: with one rank they change nothing.
 *
 * @param config the configuration, or the path of its JSON file
 * @example
 * const ds = train.fromDeepSpeedConfig("ds_config.json", { steps: 1000, batchSize: 8 });
 * train.fit(model, data.text("corpus.txt", { tokenizer, contextLength: 256, batchSize: ds.batchSize }), { steps: 1000, ...ds.options });
 * @throws Error for a key that is not known (with the nearest one that is), for one that would change what is trained
 *   and is not supported, and for batch sizes that contradict each other
 */
export function fromDeepSpeedConfig(
  config: string | Section,
  options: DeepSpeedOptions = {},
): DeepSpeedSettings {
  const all: Section = typeof config === "string" ? JSON.parse(readFileSync(config, "utf8")) : config;
  checkOptionNames(owner, all, [...usedKeys, ...harmlessKeys, ...unsupportedKeys]);
  for (const key of unsupportedKeys) {
    const value = all[key];
    const off =
      value === undefined || value === null || value === false || (value as Section).enabled === false;
    if (!off && !(key === "sequence_parallel_size" && value === 1)) {
      throw new Error(`${owner}: ${key} is not supported; leave it out`);
    }
  }
  const number = (key: string, auto: number | undefined) => numberIn(owner, all, key, auto);
  const trained = all.train_batch_size === "auto" ? undefined : number("train_batch_size", undefined);
  const { micro, accumulation, train } = batchSizes(
    owner,
    {
      ...given("train", trained),
      ...given("micro", number("train_micro_batch_size_per_gpu", options.batchSize)),
      ...given("accumulation", number("gradient_accumulation_steps", options.gradientAccumulationSteps ?? 1)),
    },
    options.ranks ?? 1,
  );
  const clip = number("gradient_clipping", options.clip ?? 1) ?? 0;
  const { precision, lossScale, moments } = precisionOf(all, options);
  const notes = [...zeroNotes(all.zero_optimization, options.ranks ?? 1)];
  if (all.activation_checkpointing) {
    notes.push(
      "activation_checkpointing: set recomputeInterval of the model, which decides what is recomputed",
    );
  }
  for (const note of notes) {
    if (!said.has(note)) console.warn(`${owner}: ${note}`);
    said.add(note);
  }
  const optimizer = optimizerOf(all.optimizer, options, moments);
  const schedule = scheduleOf(all.scheduler, options);
  return {
    batchSize: micro,
    trainBatchSize: train,
    notes,
    options: {
      ...given("optimizer", optimizer),
      ...given("schedule", schedule),
      clip: clip === 0 ? Infinity : clip,
      precision,
      ...given("lossScale", lossScale),
      gradientAccumulationSteps: accumulation,
    },
  };
}

function precisionOf(
  all: Section,
  options: DeepSpeedOptions,
): { precision: Precision; lossScale?: FitOptions["lossScale"]; moments?: "bf16" } {
  const fp16 = section(owner, all, "fp16", fp16Keys);
  const bf16 = section(owner, all, "bf16", bf16Keys);
  const autocast = section(owner, all, "torch_autocast", autocastKeys);
  const enabled = (own: Section, name: "f16" | "bf16") =>
    own.enabled === "auto" ? options.precision === name : own.enabled === true;
  const useF16 = enabled(fp16, "f16");
  const useBf16 = enabled(bf16, "bf16");
  if (useF16 && useBf16) throw new Error(`${owner}: fp16 and bf16 are both enabled; enable one`);
  if (autocast.enabled === true) {
    if (useF16 || useBf16)
      throw new Error(`${owner}: torch_autocast is enabled beside fp16 or bf16; enable one`);
    const dtype = checkChoice(owner, "torch_autocast.dtype", autocast.dtype ?? "bfloat16", [
      "bfloat16",
      "float16",
    ]);
    return { precision: dtype === "bfloat16" ? "bf16" : "f16" };
  }
  if (useBf16) {
    const master = bf16.bf16_master_weights_and_grads === true ? "none" : "f32";
    const half = bf16.bf16_optimizer_states === true;
    return { precision: { params: "bf16", master }, ...(half ? { moments: "bf16" } : {}) };
  }
  if (!useF16) return { precision: "f32" };
  if (fp16.fp16_master_weights_and_grads === true) {
    throw new Error(
      `${owner}: fp16.fp16_master_weights_and_grads is not supported: float16 cannot hold the updates`,
    );
  }
  const value = (key: string) => numberIn(`${owner} fp16`, fp16, key, undefined);
  const fixed = value("loss_scale") ?? 0;
  if (fixed > 0) return { precision: { params: "f16" }, lossScale: fixed };
  return {
    precision: { params: "f16" },
    lossScale: {
      ...given("initialScalePower", value("initial_scale_power")),
      ...given("lossScaleWindow", value("loss_scale_window")),
      ...given("hysteresis", value("hysteresis")),
      ...given("minLossScale", value("min_loss_scale")),
      ...given("consecutiveHysteresis", fp16.consecutive_hysteresis as boolean | undefined),
    },
  };
}

function optimizerOf(
  value: unknown,
  options: DeepSpeedOptions,
  moments: "bf16" | undefined,
): OptimizerFor | undefined {
  if (value === undefined || value === null) return undefined;
  const { kind, params } = typed("optimizer", value, ["Adam", "AdamW", "SGD"]);
  const adamLike = kind !== "SGD";
  const name = `${owner} optimizer.params`;
  checkOptionNames(name, params, optimizerKeys[adamLike ? "adam" : "sgd"]);
  const number = (key: string, auto?: number) => numberIn(name, params, key, auto);
  const common = {
    lr: number("lr", options.lr ?? 5e-5) ?? 1e-3,
    weightDecay: number("weight_decay", options.weightDecay ?? 0) ?? 0,
    decays: () => true,
  };
  if (!adamLike) {
    return sgd({
      ...common,
      ...given("momentum", number("momentum")),
      ...given("dampening", number("dampening")),
      ...given("nesterov", params.nesterov as boolean | undefined),
    });
  }
  if (params.amsgrad === true) throw new Error(`${name}: amsgrad is not supported; leave it out`);
  const betas = params.betas === "auto" ? undefined : (params.betas as [number, number] | undefined);
  const own = {
    ...common,
    ...given("betas", betas),
    ...given("eps", number("eps", 1e-8)),
    ...given("biasCorrection", params.bias_correction as boolean | undefined),
    ...given("moments", moments),
  };
  return kind === "AdamW" || params.adam_w_mode !== false ? adamw(own) : adam(own);
}

const schedules: Record<string, (options: never) => Schedule> = {
  WarmupLR: warmupLR,
  WarmupDecayLR: warmupDecayLR,
  WarmupCosineLR: warmupCosineLR,
  OneCycle: oneCycle,
  LRRangeTest: lrRangeTest,
};

function scheduleOf(value: unknown, options: DeepSpeedOptions): Schedule | undefined {
  if (value === undefined || value === null) return undefined;
  const { kind, params } = typed("scheduler", value, Object.keys(schedules));
  const name = `${owner} scheduler.params`;
  checkOptionNames(name, params, schedulerKeys[kind]);
  const auto: Record<string, number | undefined> = {
    warmup_min_lr: 0,
    warmup_max_lr: options.lr ?? 5e-5,
    warmup_num_steps: options.warmupSteps ?? 0,
    total_num_steps: options.steps,
  };
  const own: Section = {};
  for (const [key, given] of Object.entries(params)) {
    if (key === "last_batch_iteration") {
      if (given !== -1)
        throw new Error(`${name}: last_batch_iteration is the run's own step here; leave it out`);
      continue;
    }
    const value = given === "auto" ? auto[key] : given;
    if (value === undefined && key === "total_num_steps") continue; // those of the run
    if (value === undefined) throw new Error(`${name}: ${key} cannot be "auto"; give its value`);
    own[camelCase(key)] = value;
  }
  return schedules[kind](own as never);
}

function zeroNotes(value: unknown, ranks: number): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "boolean") return []; // what DeepSpeed's first versions had
  const name = `${owner} zero_optimization`;
  const zero = value as Section;
  checkOptionNames(name, zero, zeroKeys);
  for (const [key, keys] of Object.entries(zeroObjects)) {
    if (typeof zero[key] === "object" && zero[key] !== null)
      checkOptionNames(`${name}.${key}`, zero[key], keys);
  }
  const stage = zero.stage ?? 0;
  if (![0, 1, 2, 3].includes(stage as number)) {
    throw new RangeError(`${name}: stage must be 0, 1, 2 or 3, got ${describeValue(stage)}`);
  }
  const notes = [];
  if ((stage as number) > 0 && ranks === 1) {
    notes.push(`zero_optimization: stage ${stage} shares state among ranks; with one rank it has no effect`);
  }
  const device = (key: string) => (zero[key] as Section | null | undefined)?.device;
  if ([device("offload_param"), device("offload_optimizer")].some((each) => each && each !== "none")) {
    notes.push("zero_optimization: offload_param and offload_optimizer have no effect on where tensors are");
  }
  return notes;
}

function section(parent: string, all: Section, key: string, keys: readonly string[]): Section {
  const value = all[key];
  if (value === undefined || value === null) return {};
  checkOptionNames(`${parent} ${key}`, value as object, keys);
  return value as Section;
}

/** An object with `type` and `params`. */
function typed(key: string, value: unknown, kinds: readonly string[]): { kind: string; params: Section } {
  checkOptionNames(`${owner} ${key}`, value as object, ["type", "params", "legacy_fusion"]);
  const { type, params } = value as { type?: unknown; params?: Section };
  // DeepSpeed compares optimizers' names in lower case.
  const kind = kinds.find((each) => typeof type === "string" && each.toLowerCase() === type.toLowerCase());
  return { kind: kind ?? checkChoice(owner, `${key}.type`, type, kinds), params: params ?? {} };
}

function numberIn(name: string, all: Section, key: string, auto: number | undefined): number | undefined {
  const value = all[key];
  if (value === undefined || value === null) return undefined;
  if (value === "auto") {
    if (auto === undefined) {
      throw new Error(`${name}: ${key} is "auto"; give its value, or what it stands for in the options`);
    }
    return auto;
  }
  return checkReal(name, key, value);
}

/** An object with the entry, or none when there is no value. */
function given<Key extends string, Value>(
  key: Key,
  value: Value | undefined | null,
): { [key in Key]?: Value } {
  return value === undefined || value === null ? {} : ({ [key]: value } as { [key in Key]: Value });
}
