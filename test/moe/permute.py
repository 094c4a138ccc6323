"""Compares moelab::permute, moelab::unpermute and moelab::grouped_linear with the same in float64, output and gradients; the
float64 operators themselves with finite differences. Prints the largest relative error of every case, one JSON object."""

import json
import os
import sys

# Before the library and libtorch read them.
os.environ["MOELAB_CPU_CAPABILITY"] = sys.argv[2]
os.environ["OMP_WAIT_POLICY"] = "passive"

import torch  # noqa: E402

torch.ops.load_library(sys.argv[1])
torch.set_num_threads(2)
ops = torch.ops.moelab

# tokens, choices, experts, in, out, capacity, skewed
SHAPES = [
    (1, 1, 1, 8, 8, -1, False),
    (1, 2, 4, 32, 32, -1, False),
    (3, 2, 4, 17, 23, -1, False),
    (7, 2, 16, 33, 130, 1, False),
    (40, 2, 4, 64, 96, -1, False),
    (600, 1, 2, 300, 64, -1, False),
    (513, 4, 8, 72, 600, -1, False),
    (300, 8, 256, 32, 16, -1, False),
    (200, 2, 8, 64, 64, 20, False),
    (200, 2, 16, 64, 64, -1, True),
    (100, 2, 16, 1, 1, 9, True),
]


def relative(ours, theirs):
    scale = theirs.norm().item()
    difference = (ours.double() - theirs).norm().item()
    return difference / scale if scale > 0 else difference


def plain(x, weight, factors, order, taken):
    """Without moelab's operators."""
    tokens = order % x.shape[0]
    runs = x[tokens].split(taken.tolist())
    rows = torch.cat([run @ weight[expert].T for expert, run in enumerate(runs)])
    scaled = rows * factors[tokens, order // x.shape[0]][:, None]
    return torch.zeros(x.shape[0], weight.shape[1], dtype=x.dtype).index_add(0, tokens, scaled)


def ours(x, weight, factors, order, taken, padded):
    rows = ops.permute(x, order, taken, factors.shape[1], padded)
    return ops.unpermute(ops.grouped_linear(rows, weight, taken, padded), factors, order, taken, padded)


def errors(shape, dtype):
    tokens, choices, experts, inputs, outputs, capacity, skewed = shape
    random = torch.Generator().manual_seed(tokens * 7 + experts)

    def draw(*size):
        return torch.randn(*size, generator=random)

    scores = draw(tokens, experts) - (2.0 * torch.arange(experts) if skewed else 0)
    factors, chosen = scores.softmax(-1).topk(choices)
    order, _, taken = ops.dispatch(chosen, experts, capacity)
    leaves = [draw(tokens, inputs).to(dtype), (draw(experts, outputs, inputs) / inputs**0.5).to(dtype), factors]
    gradient = draw(tokens, outputs).to(dtype)
    exact = [leaf.double().requires_grad_() for leaf in leaves]
    expected = plain(*exact, order, taken)
    expected.backward(gradient.double())
    worst, results = 0.0, []
    for padded in (0, int(taken.max()), int(taken.max()) + 5):
        for threads in (2, 1):
            torch.set_num_threads(threads)
            own = [leaf.clone().requires_grad_() for leaf in leaves]
            out = ours(*own, order, taken, padded)
            out.backward(gradient)
            results.append([out.detach(), *(leaf.grad for leaf in own)])
        pairs = zip(results[-1], [expected.detach(), *(leaf.grad for leaf in exact)])
        worst = max(worst, *(relative(one, two) for one, two in pairs))
    for other in results[1:]:
        for one, two in zip(results[0], other):
            assert torch.equal(one, two), f"{shape}: depends on threads or padding"
    return worst


def gaps(dtype):
    """Rows behind a run are zeros where they are written, and are not read."""
    taken, order = torch.tensor([2, 0, 1]), torch.tensor([0, 2, 1])
    x, weight = torch.randn(3, 40).to(dtype), torch.randn(3, 24, 40).to(dtype)
    filled = [0, 1, 8]
    empty = [row for row in range(12) if row not in filled]
    rows = ops.permute(x, order, taken, 1, 4)
    assert rows.shape == (12, 40) and torch.equal(rows[filled], x[order]) and not rows[empty].any()
    spoilt = rows.clone()
    spoilt[empty] = float("nan")
    spoilt.requires_grad_()
    weights = weight.clone().requires_grad_()
    answers = ops.grouped_linear(spoilt, weights, taken, 4)
    assert torch.equal(answers, ops.grouped_linear(rows, weight, taken, 4)) and not answers[empty].any()
    bad = answers.detach().clone()
    bad[empty] = float("nan")
    bad.requires_grad_()
    factors = torch.ones(3, 1, dtype=torch.float64 if dtype == torch.float64 else torch.float32, requires_grad=True)
    out = ops.unpermute(bad, factors, order, taken, 4)
    out.sum().backward()
    assert out.isfinite().all() and factors.grad.isfinite().all() and not bad.grad[empty].any()
    answers.backward(bad.detach())
    assert weights.grad.isfinite().all() and not weights.grad[1].any() and not spoilt.grad[empty].any()


def strides(dtype):
    """Views that are not contiguous, and gradients expanded from one number."""
    taken, order = torch.tensor([2, 0, 1]), torch.tensor([[0, 9], [2, 9], [1, 9]])[:, 0]
    x, weight = torch.randn(40, 3).to(dtype).t(), torch.randn(3, 40, 24).to(dtype).transpose(1, 2)
    factors = torch.rand(1, 3, dtype=torch.float64 if dtype == torch.float64 else torch.float32).t()
    results = []
    for given in ((x, weight, factors, order, taken), (x.contiguous(), weight.contiguous(), factors.contiguous(), order.contiguous(), taken)):
        leaves = [each.detach().requires_grad_() for each in given[:3]]
        out = ours(*leaves, *given[3:], 0)
        out.sum().backward()
        results.append([out.detach(), *(leaf.grad for leaf in leaves)])
    same = torch.allclose if dtype == torch.float64 else torch.equal  # PyTorch's products depend on strides
    assert all(same(one, two) for one, two in zip(*results))


def finite_differences():
    taken, order = torch.tensor([3, 0, 2]), torch.tensor([0, 3, 4, 1, 6])
    leaves = [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((4, 5), (3, 6, 5), (4, 2))]
    for padded in (0, 4):
        torch.autograd.gradcheck(lambda *given: ours(*given, order, taken, padded), leaves)


def nothing():
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        x = torch.zeros(0, 8, dtype=dtype, requires_grad=True)
        weight = torch.ones(2, 4, 8, dtype=dtype, requires_grad=True)
        factors = torch.zeros(0, 2, dtype=torch.float64 if dtype == torch.float64 else torch.float32, requires_grad=True)
        none = torch.zeros(0, dtype=torch.int64)
        for padded in (0, 3):
            out = ours(x, weight, factors, none, torch.zeros(2, dtype=torch.int64), padded)
            assert out.shape == (0, 4)
            out.sum().backward()
            assert x.grad.shape == (0, 8) and not weight.grad.any()


torch.manual_seed(0)
finite_differences()
nothing()
results = {}
for name in ("float32", "bfloat16"):
    gaps(getattr(torch, name))
    strides(getattr(torch, name))
    for shape in SHAPES:
        results[f"{name} {shape}"] = errors(shape, getattr(torch, name))
gaps(torch.float64)
strides(torch.float64)
print(json.dumps(results))
