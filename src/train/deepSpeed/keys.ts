/** The names that a DeepSpeed configuration may hold (deepspeed.ai/docs/config-json), by what becomes of them here. */

/** Read. */
export const usedKeys = [
  ...[
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
    "gradient_clipping",
  ],
  ...["optimizer", "scheduler", "fp16", "bf16", "torch_autocast", "zero_optimization"],
];

/** About reports, profiles, files, and how ranks talk to each other: nothing that changes the numbers of one rank. */
export const harmlessKeys = [
  ...["steps_per_print", "wall_clock_breakdown", "dump_state", "memory_breakdown", "dataloader_drop_last"],
  ...["prescale_gradients", "gradient_predivide_factor", "communication_data_type", "sparse_gradients"],
  ...["seq_parallel_communication_data_type", "disable_allgather", "zero_allow_untested_optimizer"],
  ...["zero_force_ds_cpu_optimizer", "tensorboard", "wandb", "csv_monitor", "comet", "flops_profiler"],
  ...["comms_logger", "activation_checkpointing", "aio", "checkpoint", "data_types", "autotuning"],
  ...["timers", "graph_harvesting", "use_data_before_expert_parallelism", "load_universal_checkpoint"],
];

/** Would change what is trained. */
export const unsupportedKeys = [
  ...["amp", "compression_training", "curriculum_learning", "data_efficiency", "progressive_layer_drop"],
  ...["sparse_attention", "quantize_training", "eigenvalue", "elasticity", "hybrid_engine", "pipeline"],
  ...["tensor_parallel", "sequence_parallel_size", "compile"],
];

export const fp16Keys = [
  ...["enabled", "auto_cast", "fp16_master_weights_and_grads", "loss_scale", "initial_scale_power"],
  ...["loss_scale_window", "hysteresis", "consecutive_hysteresis", "min_loss_scale"],
];

export const bf16Keys = [
  ...["enabled", "immediate_grad_update", "check_grad_overflow", "bf16_master_weights_and_grads"],
  "bf16_optimizer_states",
];

export const autocastKeys = ["enabled", "dtype", "lower_precision_safe_modules"];

const offloadKeys = [
  ...["device", "nvme_path", "buffer_count", "buffer_size", "max_in_cpu", "pin_memory", "pipeline_read"],
  ...["pipeline_write", "fast_init", "ratio"],
];

/** Objects inside of `zero_optimization`. */
export const zeroObjects: Record<string, readonly string[]> = {
  offload_param: offloadKeys,
  offload_optimizer: offloadKeys,
};

export const zeroKeys = [
  ...["stage", "allgather_partitions", "allgather_bucket_size", "overlap_comm", "reduce_scatter"],
  ...[
    "reduce_bucket_size",
    "contiguous_gradients",
    "use_multi_rank_bucket_allreduce",
    "round_robin_gradients",
  ],
  ...[
    "offload_param",
    "offload_optimizer",
    "cpu_offload",
    "cpu_offload_params",
    "cpu_offload_use_pin_memory",
  ],
  ...["sub_group_size", "stage3_max_live_parameters", "stage3_max_reuse_distance"],
  ...[
    "stage3_prefetch_bucket_size",
    "stage3_param_persistence_threshold",
    "stage3_model_persistence_threshold",
  ],
  ...["stage3_gather_16bit_weights_on_model_save", "stage3_module_granularity_threshold"],
  ...["stage3_use_all_reduce_for_fetch_params", "elastic_checkpoint", "ignore_unused_parameters"],
  ...["legacy_stage1", "load_from_fp32_weights", "zero_hpz_partition_size", "zero_quantized_weights"],
  ...["zero_quantized_gradients", "zero_quantized_nontrainable_weights", "mics_shard_size"],
  ...["mics_hierarchical_params_gather", "memory_efficient_linear", "override_module_apply"],
  "log_trace_cache_warnings",
];

/** Of `optimizer.params`. */
export const optimizerKeys: Record<string, readonly string[]> = {
  adam: [
    ...["lr", "betas", "eps", "weight_decay", "bias_correction", "adam_w_mode", "torch_adam", "fused"],
    ...["foreach", "amsgrad"],
  ],
  sgd: ["lr", "momentum", "dampening", "weight_decay", "nesterov", "foreach", "fused"],
};

const warmupKeys = ["warmup_num_steps", "warmup_type", "last_batch_iteration"];
const warmupRates = ["warmup_min_lr", "warmup_max_lr"];

/** Of `scheduler.params`. */
export const schedulerKeys: Record<string, readonly string[]> = {
  WarmupLR: [...warmupRates, ...warmupKeys],
  WarmupDecayLR: ["total_num_steps", ...warmupRates, ...warmupKeys],
  WarmupCosineLR: ["total_num_steps", "warmup_min_ratio", "cos_min_ratio", ...warmupKeys],
  OneCycle: [
    ...["cycle_min_lr", "cycle_max_lr", "decay_lr_rate", "cycle_first_step_size", "cycle_second_step_size"],
    ...["cycle_first_stair_count", "cycle_second_stair_count", "decay_step_size", "cycle_momentum"],
    ...["cycle_min_mom", "cycle_max_mom", "decay_mom_rate", "last_batch_iteration"],
  ],
  LRRangeTest: [
    ...["lr_range_test_min_lr", "lr_range_test_step_size", "lr_range_test_step_rate"],
    ...["lr_range_test_staircase", "last_batch_iteration"],
  ],
};
