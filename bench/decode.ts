import type { MoETransformer } from "../src/models/index.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";
import { makeBoth, randomIds, sizes } from "./olmoe.js";

const promptLength = 64;
const made = 64;
const prefillLength = 512;
const rounds = 6;
const dtypes = { f32: "float32", bf16: "bfloat16" } as const;
const implementations = ["grouped_mm", "eager"] as const;

type Decoded = [milliseconds: number, tokens: number[]];

/**
 * Greedy generation after a prompt, and the pass over a longer prompt alone, of a model of 166 million parameters,
 * against `generate` of transformers with the same weights; of its two ways to run experts the faster counts.
 */
async function decode(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const python = await Python.start("bench/olmoe.py");
  const cases: BenchmarkCase[] = [];
  try {
    const model = await makeBoth(python);
    model.eval();
    const [prompt] = randomIds(sizes.vocab, 1, promptLength);
    const [long] = randomIds(sizes.vocab, 1, prefillLength);
    for (const [short, dtype] of Object.entries(dtypes)) {
      model.to(dtype);
      const results: Record<string, { ours: number; baseline: number; experts: string }[]> = {};
      for (const experts of implementations) {
        await python.call("prepare_decoding", { dtype, experts });
        const [, expected] = await python.call<Decoded>("decode", { prompt, count: made });
        const generated = model.generate(prompt, { maxNewTokens: made, temperature: 0 }).slice(promptLength);
        checkTokens(short, generated, expected);
        const decoding = await alternate(
          () => timed(() => model.generate(prompt, { maxNewTokens: made, temperature: 0 })),
          async () => (await python.call<Decoded>("decode", { prompt, count: made }))[0],
          { rounds },
        );
        const prefilling = await alternate(
          () => timed(() => prefill(model, long)),
          () => python.call("prefill", { prompt: long }),
          { rounds },
        );
        for (const [name, measured] of Object.entries({ decoding, prefilling })) {
          results[name] ??= [];
          results[name].push({ ...measured, experts });
        }
      }
      for (const [name, count] of [
        ["decoding", made],
        ["prefilling", prefillLength],
      ] as const) {
        const all = results[name];
        const ours = Math.min(...all.map((each) => each.ours));
        const { baseline, experts } = all.sort((a, b) => a.baseline - b.baseline)[0];
        const what =
          name === "decoding" ? `${made} tokens after ${promptLength}` : `prompt of ${prefillLength} tokens`;
        const result = compare(`${short} ${what}`, { ours, baseline }, "ms", `transformers, ${experts}`);
        const speed = (milliseconds: number) => Math.round((count * 1000) / milliseconds);
        progress(`${result.case}: ${speed(ours)} tokens/s, ${speed(baseline)} in transformers, ${experts}`);
        cases.push(result);
      }
    }
  } finally {
    await python.stop();
  }
  return cases;
}

function timed(body: () => unknown): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

function prefill(model: MoETransformer, ids: number[]): void {
  model.generate(ids, { maxNewTokens: 1, temperature: 0 });
}

/** In bfloat16 two tokens can be so close that rounding decides, and everything after differs. */
function checkTokens(dtype: string, ours: number[], theirs: number[]): void {
  const same = ours.findIndex((token, at) => token !== theirs[at]);
  const agreed = same < 0 ? ours.length : same;
  if (agreed < (dtype === "f32" ? ours.length : 1)) {
    throw new Error(
      `${dtype}: after ${agreed} tokens ${ours.slice(agreed)} here, ${theirs.slice(agreed)} in transformers`,
    );
  }
}

export const benchmark: Benchmark = { name: "decode", run: decode };
