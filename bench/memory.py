"""The Python side of memory: the same loops on the same shapes."""

import gc
import resource

import torch


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def leaf(*shape):
    return torch.randn(shape).mul_(0.1).requires_grad_()


def make(variant):
    torch.manual_seed(0)
    tiny = variant == "tiny tensors"
    batch, width = (2, 4) if tiny else (32, 256)
    weights = [leaf(width, width), leaf(width), leaf(width, width), leaf(width)]
    x, y = torch.randn(batch, width), torch.randn(batch, width)
    losses, replay = [], []

    def step():
        w1, b1, w2, b2 = weights
        hidden = x.matmul(w1).add(b1).relu()
        out = hidden.matmul(w2).add(b2)
        loss = out.sub(y).square().mean()
        loss.backward()
        with torch.no_grad():
            for weight in weights:
                update = weight.grad.mul(0.01).add(weight.mul(1e-4))
                weight.sub_(update)
                weight.grad = None
            noise = out
            for _ in range(16):
                noise = noise.mul(0.5).add(out)
        if variant == "losses in an array":
            losses.append(loss.detach())
        if variant == "replay list":
            replay.append(noise)
            if len(replay) > 32:
                replay.pop(0)

    return step


def measure(variant, steps, warmup):
    """Bytes of resident memory gained after the first `warmup` of `steps` steps."""
    step = make(variant)
    for _ in range(warmup):
        step()
    gc.collect()
    before = highest = resident()
    for i in range(steps - warmup):
        step()
        if i % 50 == 0:
            highest = max(highest, resident())
    return max(highest, resident()) - before
