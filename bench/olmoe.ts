import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MoETransformer, moeTransformer } from "../src/models/index.js";
import { softmaxGate } from "../src/moe/index.js";
import * as torch from "../src/torch/index.js";
import { openSafetensors } from "../src/weights/index.js";
import type { Python } from "./harness/python.js";

/** Of a model as OLMoE (arXiv 2409.02060) is built; names as in bench/olmoe.py. */
export interface OlmoeSizes {
  vocab: number;
  dim: number;
  /** Hidden units of each expert. */
  hidden: number;
  layers: number;
  heads: number;
  experts: number;
  topK: number;
  contextLength: number;
}

/** 165.7 million parameters, of which a token meets 33.6 million. */
export const sizes: OlmoeSizes = {
  ...{ vocab: 8192, dim: 512, hidden: 1024, layers: 6, heads: 8 },
  ...{ experts: 16, topK: 2, contextLength: 1024 },
};

/** What modules are called in transformers and here, where it is not the same word in another spelling. */
const names: [string, string][] = [
  ["embed_tokens", "token_embedding"],
  ["input_layernorm", "attention_norm"],
  ["post_attention_layernorm", "feed_forward_norm"],
  ["self_attn", "attention"],
  ["mlp", "feed_forward"],
  ["gate_up_proj", "up_proj"],
];

function ourName(theirs: string): string {
  const modules = theirs.split(".").filter((each) => each !== "model");
  return modules
    .map((each) => names.find(([from]) => from === each)?.[1] ?? each)
    .join(".")
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The same model here and in transformers, with the same weights. */
export async function makeBoth(python: Python, of: OlmoeSizes = sizes): Promise<MoETransformer> {
  const folder = mkdtempSync(join(tmpdir(), "moelab-olmoe-"));
  try {
    const path = join(folder, "weights.safetensors");
    await python.call("make", { sizes: of, path });
    const { topK, hidden, experts, ...rest } = of;
    const gate = softmaxGate({ topK, renormalise: false });
    const model = moeTransformer({ ...rest, qkNorm: "row", moe: { experts, hidden, gate } });
    const file = openSafetensors(path);
    const weights = Object.fromEntries(file.names().map((name) => [ourName(name), file.tensor(name)]));
    torch.tidy(() => model.loadStateDict(weights));
    for (const tensor of Object.values(weights)) tensor.dispose();
    file.close();
    return model;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ids that look like no text, the same in every run. */
export function randomIds(vocab: number, batch: number, length: number): number[][] {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocab);
  };
  return Array.from({ length: batch }, () => Array.from({ length }, next));
}
