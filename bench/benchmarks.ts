import type { Benchmark } from "./harness/benchmark.js";

interface Entry {
  /** One line for the list. */
  summary: string;
  load(): Promise<{ benchmark: Benchmark }>;
}

/** Every benchmark by its name on the command line. */
export const benchmarks: Record<string, Entry> = {
  "op-overhead": {
    summary: "time of small tensor operators from TypeScript, against Python on the same libtorch",
    load: () => import("./opOverhead.js"),
  },
  memory: {
    summary: "growth of resident memory in training loops without manual disposal, against Python",
    load: () => import("./memory.js"),
  },
  "arrow-open": {
    summary: "opening a tensor file of 1 GiB and the memory it takes, against pyarrow",
    load: () => import("./arrowOpen.js"),
  },
  "moe-layer": {
    summary: "one MoE layer forward and backward, against the faster of two forms in PyTorch",
    load: () => import("./moeLayer.js"),
  },
  "routing-share": {
    summary: "gate, permute and unpermute of an MoE layer, as a share of the layer",
    load: () => import("./routingShare.js"),
  },
  train: {
    summary: "training steps of a model of 166 million parameters, against transformers",
    load: () => import("./train.js"),
  },
  decode: {
    summary: "generation with that model, and the pass over a prompt, against transformers",
    load: () => import("./decode.js"),
  },
  "optimizer-step": {
    summary: "clipping and a step of AdamW over all parameters, against torch.optim's fused and foreach",
    load: () => import("./optimizerStep.js"),
  },
  "kernel-latency": {
    summary: "start of a kernel and time of its cells, against ipykernel, tslab and, where it is, Deno",
    load: () => import("./kernelLatency.js"),
  },
  "routing-statistics": {
    summary: "recording the routing of a step, as a share of the step",
    load: () => import("./routingStatistics.js"),
  },
};
