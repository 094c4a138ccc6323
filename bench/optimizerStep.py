"""The Python side of optimizer-step: torch.optim.AdamW over tensors of the same shapes."""

import time

import torch

variants = {}


def prepare(shapes, half):
    """Makes weights and gradients, and an optimizer of each kind over them."""
    variants.clear()
    for kind in ("fused", "foreach"):
        weights = [torch.randn(shape) for shape in shapes]
        gradients = [torch.randn(shape) * 0.01 for shape in shapes]
        optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.01, **{kind: True})
        parameters = [weight.bfloat16() for weight in weights] if half else weights
        variants[kind] = (optimizer, weights, parameters, [g.to(p.dtype) for g, p in zip(gradients, parameters)])


def step(kind, clip):
    """Milliseconds of a step, from the gradients to the new parameters."""
    optimizer, weights, parameters, gradients = variants[kind]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient
    start = time.perf_counter()
    if clip:
        torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
    if parameters is not weights:
        for weight, parameter in zip(weights, parameters):
            weight.grad = parameter.grad.float()
    optimizer.step()
    if parameters is not weights:
        torch._foreach_copy_(parameters, weights)
    return (time.perf_counter() - start) * 1e3


def best(clip):
    """The faster kind of optimizer."""
    times = {kind: min(step(kind, clip) for _ in range(3)) for kind in variants}
    chosen = min(times, key=times.get)
    for kind in list(variants):
        if kind != chosen:
            del variants[kind]
    return chosen
