"""The Python side of moe-layer: the same layer in the forms in which PyTorch users write it."""

import time

import torch
import torch.nn.functional as F

def make(dtype, variant, tokens, experts, k, dim, hidden):
    gate = (torch.randn(experts, dim) * 0.02).requires_grad_()
    up = (torch.randn(experts, 2 * hidden, dim) * 0.02).to(dtype)
    down = (torch.randn(experts, dim, hidden) * 0.02).to(dtype)
    if variant == "loop":
        up = [expert.clone().requires_grad_() for expert in up]
        down = [expert.clone().requires_grad_() for expert in down]
    else:
        up, down = [up.requires_grad_()], [down.requires_grad_()]
    x = torch.randn(tokens, dim).to(dtype).requires_grad_()
    return x, gate, up, down


def activate(projected):
    gate, up = projected.chunk(2, dim=-1)
    return F.silu(gate) * up


def route(x, gate, k):
    weights, experts = F.linear(x.float(), gate).softmax(-1).topk(k, dim=-1)
    return weights / weights.sum(-1, keepdim=True), experts


def sort(x, weights, experts, count):
    """Rows in the order of their experts: tokens, weights, and how many rows each expert has."""
    flat = experts.flatten()
    order = flat.argsort(stable=True)
    return order // experts.shape[1], weights.flatten()[order, None].to(x.dtype), torch.bincount(flat, minlength=count)


def grouped(x, weights, experts, up, down):
    """One call for all experts (transformers' default)."""
    tokens, factors, load = sort(x, weights, experts, up[0].shape[0])
    ends = load.cumsum(0).int()
    hidden = activate(torch._grouped_mm(x[tokens], up[0].transpose(1, 2), ends))
    answers = torch._grouped_mm(hidden, down[0].transpose(1, 2), ends)
    return torch.zeros_like(x).index_add(0, tokens, answers * factors)


def slices(x, weights, experts, up, down):
    """A product for each run of sorted rows."""
    tokens, factors, load = sort(x, weights, experts, up[0].shape[0])
    rows = x[tokens].split(load.tolist())
    answers = [F.linear(activate(F.linear(row, up[0][e])), down[0][e]) for e, row in enumerate(rows)]
    return torch.zeros_like(x).index_add(0, tokens, torch.cat(answers) * factors)


def loop(x, weights, experts, up, down):
    """Each expert looks for its tokens; parameters of its own (transformers 4)."""
    out = torch.zeros_like(x)
    for expert in experts.unique().tolist():
        tokens, choice = torch.where(experts == expert)
        answers = F.linear(activate(F.linear(x[tokens], up[expert])), down[expert])
        out = out.index_add(0, tokens, answers * weights[tokens, choice, None].to(x.dtype))
    return out


def einsum(x, weights, experts, up, down):
    """Dense dispatch with capacity factor 1.25 (GShard, DeepSpeed): what is over is dropped."""
    count, k = up[0].shape[0], experts.shape[1]
    capacity = int(len(x) * k / count * 1.25) + 1
    chosen = F.one_hot(experts.t().flatten(), count)
    place = (chosen.cumsum(0) - 1).mul(chosen).sum(-1)
    kept = place < capacity
    places = F.one_hot(place.clamp_max(capacity - 1), capacity) * kept[:, None]
    chosen, places = (each.view(k, len(x), -1).to(x.dtype) for each in (chosen, places))
    combine = torch.einsum("kte,ktc->tec", chosen * weights.t()[:, :, None].to(x.dtype), places)
    rows = torch.einsum("tec,td->ecd", (combine != 0).to(x.dtype), x)
    answers = activate(rows @ up[0].transpose(1, 2)) @ down[0].transpose(1, 2)
    return torch.einsum("tec,ecd->td", combine, answers)


variants = {"grouped": grouped, "slices": slices, "loop": loop, "einsum": einsum}
layer = {}


def measure(dtype, variant, backward, tokens, repeat, experts, k, dim, hidden):
    """Milliseconds of one of so many passes."""
    key = (dtype, variant, tokens, experts, k, dim, hidden)
    if key not in layer:
        layer.clear()
        layer[key] = make(getattr(torch, dtype), *key[1:])
    x, gate, up, down = layer[key]
    total = 0.0
    for _ in range(repeat):
        for tensor in (x, gate, *up, *down):
            tensor.grad = None
        start = time.perf_counter()
        with torch.set_grad_enabled(backward):
            weights, chosen = route(x, gate, k)
            y = variants[variant](x, weights, chosen, up, down)
            if backward:
                y.backward(torch.ones_like(y))
        total += time.perf_counter() - start
    return total / repeat * 1e3
