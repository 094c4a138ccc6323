import { spawn } from "node:child_process";
import { once } from "node:events";
import { MoELayer } from "../src/moe/index.js";
import * as torch from "../src/torch/index.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";
import { dtypes, type Sizes, shapes, tokens } from "./moeLayerShapes.js";

const variants = ["grouped", "slices", "loop"] as const;
const rounds = 5;

const decodingShape: Sizes = { experts: 64, k: 2, dim: 1024, hidden: 1024 };
const decodingTokens = [1, 4, 8];

const disturbedShape: Sizes = { experts: 8, k: 2, dim: 512, hidden: 2048 };

/** What is measured of a layer. */
interface Passes {
  dtype: string;
  tokens: number;
  /** Whether gradients are computed, too. */
  backward: boolean;
  /** Passes one after another that make one measurement. */
  repeat: number;
}

type Measured = { ours: number; baseline: number };

/** A layer of ours, and the same sizes on the Python side. */
class Comparison {
  private readonly layer: MoELayer;
  private readonly x: torch.Tensor;

  constructor(
    private readonly python: Python,
    private readonly sizes: Sizes,
    private readonly passes: Passes,
  ) {
    const { experts, k, dim, hidden } = sizes;
    this.layer = new MoELayer({ dim, hidden, experts, topK: k, std: 0.02 });
    this.layer.experts.to(passes.dtype as "bfloat16");
    const x = torch.randn([passes.tokens, dim]).to(passes.dtype as "bfloat16");
    this.x = torch.keep(x.detach().requiresGrad_());
  }

  /** Milliseconds of a pass, gate and dispatch included. */
  ours(): number {
    const { backward, repeat } = this.passes;
    let total = 0;
    for (let i = 0; i < repeat; i++) {
      this.layer.zeroGrad();
      this.x.grad = null;
      torch.tidy(() => {
        const start = performance.now();
        if (!backward) torch.noGrad(() => this.layer.forward(this.x));
        else {
          const y = this.layer.forward(this.x);
          y.backward(torch.onesLike(y));
        }
        total += performance.now() - start;
      });
    }
    return total / repeat;
  }

  theirs(variant: string): Promise<number> {
    return this.python.call("measure", { variant, ...this.passes, ...this.sizes });
  }

  against(variant: string, statistic: "best" | "median" = "best"): Promise<Measured> {
    return alternate(
      () => this.ours(),
      () => this.theirs(variant),
      { rounds, statistic },
    );
  }

  /** The fastest of PyTorch's variants. */
  async againstBest(): Promise<Measured & { variant: string }> {
    const results = [];
    for (const variant of variants) results.push({ variant, ...(await this.against(variant)) });
    const ours = Math.min(...results.map((result) => result.ours));
    const { variant, baseline } = results.sort((a, b) => a.baseline - b.baseline)[0];
    return { ours, variant, baseline };
  }

  dispose(): void {
    this.x.dispose();
  }
}

/** Runs `body` beside a process that keeps one core busy all the time. */
async function besideBusyProcess<R>(body: () => Promise<R>): Promise<R> {
  const busy = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  try {
    await once(busy, "spawn");
    return await body();
  } finally {
    busy.kill("SIGKILL");
  }
}

/**
 * One layer of SwiGLU experts, dropless: forward without history and forward with backward over many tokens, forward over the
 * few of decoding, and beside a process that keeps a core busy. The baseline is the fastest of three ways to write it in
 * PyTorch; dense dispatch, which drops tokens, is a case of its own.
 */
async function moeLayer(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const python = await Python.start("bench/moeLayer.py");
  const cases: BenchmarkCase[] = [];
  const add = (name: string, measured: Measured, note: string) => {
    const result = compare(name, measured, "ms", note);
    progress(`${name}: ${result.ours} ms, ${note} ${result.baseline} ms, ratio ${result.ratio}`);
    cases.push(result);
  };
  const nameOf = ({ experts, k, dim, hidden }: Sizes) => `E=${experts} k=${k} d=${dim} f=${hidden}`;
  const compared = async (sizes: Sizes, passes: Passes, body: (comparison: Comparison) => Promise<void>) => {
    const comparison = new Comparison(python, sizes, passes);
    await body(comparison);
    comparison.dispose();
  };

  async function manyTokens(short: string, dtype: string): Promise<void> {
    for (const sizes of shapes) {
      for (const backward of [false, true]) {
        await compared(sizes, { dtype, tokens, backward, repeat: 1 }, async (comparison) => {
          const name = `${short} ${nameOf(sizes)} ${backward ? "fwd+bwd" : "fwd"}`;
          const best = await comparison.againstBest();
          add(name, best, `PyTorch, ${best.variant}`);
          if (sizes.experts === 64 && sizes.k === 8) {
            const note = "PyTorch, einsum with capacity 1.25";
            add(`${name}, dense dispatch`, await comparison.against("einsum"), note);
          }
        });
      }
    }
  }

  async function fewTokens(short: string, dtype: string): Promise<void> {
    for (const few of decodingTokens) {
      const passes = { dtype, tokens: few, backward: false, repeat: 20 };
      await compared(decodingShape, passes, async (comparison) => {
        const best = await comparison.againstBest();
        const name = `${short} ${nameOf(decodingShape)} fwd, ${few} ${few === 1 ? "token" : "tokens"}`;
        add(name, best, `PyTorch, ${best.variant}`);
      });
    }
  }

  async function disturbed(short: string, dtype: string): Promise<void> {
    await compared(disturbedShape, { dtype, tokens, backward: false, repeat: 10 }, async (comparison) => {
      const name = `${short} ${nameOf(disturbedShape)} fwd beside a busy process`;
      const alone = await comparison.against("loop", "median");
      const beside = await besideBusyProcess(() => comparison.against("loop", "median"));
      add(name, beside, "PyTorch beside it, loop");
      add(`${name}, against alone`, { ours: beside.ours, baseline: alone.ours }, "ours alone");
      const note = "for comparison: PyTorch alone, loop";
      add(`${name}, PyTorch against alone`, { ours: beside.baseline, baseline: alone.baseline }, note);
    });
  }

  try {
    for (const [short, dtype] of Object.entries(dtypes)) {
      await manyTokens(short, dtype);
      await fewTokens(short, dtype);
      await disturbed(short, dtype);
    }
  } finally {
    await python.stop();
  }
  return cases;
}

export const benchmark: Benchmark = { name: "moe-layer", run: moeLayer };
