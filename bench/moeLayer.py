"""The Python side of moe-layer: the same layer as PyTorch users write it."""

import time

import torch
import torch.nn.functional as F

TOKENS, EXPERTS, K, DIM, HIDDEN = 2048, 8, 2, 512, 2048


def make(dtype, variant):
    gate = (torch.randn(EXPERTS, DIM) * 0.02).requires_grad_()
    up = (torch.randn(EXPERTS, 2 * HIDDEN, DIM) * 0.02).to(dtype)
    down = (torch.randn(EXPERTS, DIM, HIDDEN) * 0.02).to(dtype)
    if variant == "grouped":
        up, down = [up.requires_grad_()], [down.requires_grad_()]
    else:
        up = [expert.clone().requires_grad_() for expert in up]
        down = [expert.clone().requires_grad_() for expert in down]
    x = torch.randn(TOKENS, DIM).to(dtype).requires_grad_()
    return x, gate, up, down


def activate(projected):
    gate, up = projected.chunk(2, dim=-1)
    return F.silu(gate) * up


def forward(x, gate, up, down, variant):
    probabilities = F.linear(x.float(), gate).softmax(-1)
    weights, experts = probabilities.topk(K, dim=-1)
    weights = weights / weights.sum(-1, keepdim=True)
    out = torch.zeros_like(x)
    if variant == "grouped":
        flat = experts.flatten()
        order = flat.argsort(stable=True)
        tokens = order // K
        ends = torch.bincount(flat, minlength=EXPERTS).cumsum(0).int()
        hidden = activate(torch._grouped_mm(x[tokens], up[0].transpose(1, 2), ends))
        answers = torch._grouped_mm(hidden, down[0].transpose(1, 2), ends)
        return out.index_add(0, tokens, answers * weights.flatten()[order, None].to(x.dtype))
    for expert in range(EXPERTS):
        tokens, choice = torch.where(experts == expert)
        answers = F.linear(activate(F.linear(x[tokens], up[expert])), down[expert])
        out = out.index_add(0, tokens, answers * weights[tokens, choice, None].to(x.dtype))
    return out


layers = {}


def measure(dtype, variant, backward):
    """Milliseconds of one pass."""
    key = (dtype, variant)
    if key not in layers:
        layers[key] = make(getattr(torch, dtype), variant)
    x, gate, up, down = layers[key]
    for tensor in (x, gate, *up, *down):
        tensor.grad = None
    start = time.perf_counter()
    y = forward(x, gate, up, down, variant)
    if backward:
        y.backward(torch.ones_like(y))
    return (time.perf_counter() - start) * 1e3
