"""Compares moelab::expert_ffn with the same layer in float64 from PyTorch's operators. Prints the largest relative error
of output and gradients of every case, one JSON object."""

import json
import os
import sys

# Before the library and libtorch read them.
os.environ["MOELAB_CPU_CAPABILITY"] = sys.argv[2]
os.environ["OMP_WAIT_POLICY"] = "passive"

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.ops.load_library(sys.argv[1])
torch.set_num_threads(2)

# tokens, choices, experts, dim, hidden, capacity
SHAPES = [
    (1, 1, 1, 8, 8, -1),
    (1, 2, 4, 32, 32, -1),
    (3, 2, 4, 17, 23, -1),
    (40, 2, 4, 64, 96, -1),
    (7, 2, 16, 33, 130, -1),
    (600, 1, 2, 64, 300, -1),
    (513, 4, 8, 300, 72, -1),
    (300, 8, 256, 32, 16, -1),
    (200, 2, 8, 64, 64, 20),
    (8, 4, 10, 100, 90, -1),
]


def reference(x, up, down, weight, order, taken, activation):
    tokens = order % weight.shape[0]
    rows, answers = x[tokens].split(taken.tolist()), []
    for expert, row in enumerate(rows):
        hidden = row @ up[expert].T
        if activation == "swiglu":
            gate, value = hidden.chunk(2, -1)
            hidden = F.silu(gate) * value
        else:
            hidden = F.gelu(hidden)
        answers.append(hidden @ down[expert].T)
    weighted = torch.cat(answers) * weight[tokens, order // weight.shape[0]][:, None]
    return torch.zeros_like(x).index_add(0, tokens, weighted)


def relative(ours, theirs):
    scale = theirs.norm().item()
    difference = (ours.double() - theirs).norm().item()
    return difference / scale if scale > 0 else difference


def errors(shape, activation, dtype, skew):
    tokens, choices, experts, dim, hidden, capacity = shape
    random = torch.Generator().manual_seed(tokens * 7 + experts)

    def draw(*size):
        return torch.randn(*size, generator=random)

    scores = draw(tokens, experts) - (2.0 * torch.arange(experts) if skew else 0)
    weight, chosen = scores.softmax(-1).topk(choices)
    order, _, taken = torch.ops.moelab.order_by_expert(chosen.t().reshape(-1), experts, capacity)
    width = 2 * hidden if activation == "swiglu" else hidden
    inputs = [draw(tokens, dim), draw(experts, width, dim) / dim**0.5, draw(experts, dim, hidden) / hidden**0.5]
    ours = [each.to(dtype).requires_grad_() for each in inputs] + [weight.clone().requires_grad_()]
    exact = [each.detach().double().requires_grad_() for each in ours]
    gradient = draw(tokens, dim).to(dtype)

    out = torch.ops.moelab.expert_ffn(*ours, order, taken, activation)
    out.backward(gradient)
    expected = reference(*exact, order, taken, activation)
    expected.backward(gradient.double())
    with torch.no_grad():
        assert torch.equal(out, torch.ops.moelab.expert_ffn(*ours, order, taken, activation)), "not repeatable"
    for what, threads, recompute in (("the number of threads", 1, False), ("recomputation", 2, True)):
        torch.set_num_threads(threads)
        again = [each.detach().requires_grad_() for each in ours]
        torch.ops.moelab.expert_ffn(*again, order, taken, activation, recompute).backward(gradient)
        torch.set_num_threads(2)
        for one, two in zip(ours, again):
            assert torch.equal(one.grad, two.grad), f"depends on {what}"
    pairs = [(out.detach(), expected.detach())] + [(one.grad, two.grad) for one, two in zip(ours, exact)]
    return max(relative(one, two) for one, two in pairs)


results = {}
for dtype in ("float32", "bfloat16"):
    for activation in ("swiglu", "gelu"):
        for shape in SHAPES:
            results[f"{dtype} {activation} {shape}"] = errors(shape, activation, getattr(torch, dtype), False)
        skewed = (200, 2, 16, 64, 64, -1)
        results[f"{dtype} {activation} {skewed} skewed"] = errors(skewed, activation, getattr(torch, dtype), True)
print(json.dumps(results))
