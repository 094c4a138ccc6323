import * as torch from "../src/torch/index.js";

/** By the names memory.py knows. */
export type Variant = "tiny tensors" | "medium tensors" | "losses in an array" | "replay list" | "async loop";

export interface LoopRequest {
  variant: Variant;
  steps: number;
  /** Steps before the first look at memory. */
  warmup: number;
}

function leaf(...shape: number[]): torch.Tensor {
  const tensor = torch.randn(shape).mul_(0.1);
  tensor.requiresGrad = true;
  return tensor;
}

/**
 * A training step of a two-layer perceptron that creates more than 50 temporaries and disposes of none. Medium: 0.5 MB
 * of weights, 32 KB activations and gradients of up to 256 KB; tiny: everything under 100 bytes.
 */
function makeStep(variant: Variant): () => void {
  torch.manualSeed(0);
  const [batch, width] = variant === "tiny tensors" ? [2, 4] : [32, 256];
  const weights = [leaf(width, width), leaf(width), leaf(width, width), leaf(width)];
  const x = torch.randn([batch, width]);
  const y = torch.randn([batch, width]);
  const losses: torch.Tensor[] = [];
  const replay: torch.Tensor[] = [];
  return () => {
    const [w1, b1, w2, b2] = weights;
    const hidden = x.matmul(w1).add(b1).relu();
    const out = hidden.matmul(w2).add(b2);
    const loss = out.sub(y).square().mean();
    loss.backward();
    let noise = out;
    torch.noGrad(() => {
      for (const weight of weights) {
        const update = weight.grad!.mul(0.01).add(weight.mul(1e-4));
        weight.sub_(update);
        weight.grad = null;
      }
      for (let i = 0; i < 16; i++) noise = noise.mul(0.5).add(out);
    });
    if (variant === "losses in an array") losses.push(loss.detach());
    if (variant === "replay list") {
      replay.push(noise);
      if (replay.length > 32) replay.shift();
    }
  };
}

/** Bytes of resident memory gained after the first `warmup` of `steps` steps, the highest seen. */
async function growth({ variant, steps, warmup }: LoopRequest): Promise<number> {
  const step = makeStep(variant);
  for (let i = 0; i < warmup; i++) step();
  const before = process.memoryUsage.rss();
  let highest = before;
  for (let i = 0; i < steps - warmup; i++) {
    step();
    if (variant === "async loop") await null;
    if (i % 50 === 0) highest = Math.max(highest, process.memoryUsage.rss());
  }
  return Math.max(highest, process.memoryUsage.rss()) - before;
}

process.send!(await growth(JSON.parse(process.argv[2]) as LoopRequest));
process.disconnect();
