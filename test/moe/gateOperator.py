"""Compares moelab::gate with the same in float64 from PyTorch's operators: output, and gradients from autograd and from
finite differences. Prints the largest error of every case, one JSON object."""

import json
import os
import sys

# Before the library and libtorch read them.
os.environ["MOELAB_CPU_CAPABILITY"] = sys.argv[2]
os.environ["OMP_WAIT_POLICY"] = "passive"

import torch  # noqa: E402

torch.ops.load_library(sys.argv[1])
torch.set_num_threads(2)
gate, reference = torch.ops.moelab.gate, torch.ops.moelab.gate_reference

# tokens, experts, k
SHAPES = [
    (0, 4, 2),
    (1, 1, 1),
    (1, 256, 8),
    (6, 3, 3),
    (33, 17, 5),
    (129, 256, 256),
    (64, 300, 7),
    (600, 64, 8),
    (1000, 8, 2),
]
OPTIONS = {
    "plain": {},
    "renormalised": {"renormalise": True, "scale": 2.5},
    "sigmoid": {"scoring": "sigmoid"},
    "sigmoid renormalised": {"scoring": "sigmoid", "renormalise": True, "scale": 0.5},
    "bias": {"scoring": "sigmoid", "renormalise": True, "bias": True},
    "softmax bias": {"bias": True},
    "groups of experts": {"scoring": "sigmoid", "renormalise": True, "bias": True, "expert_groups": 4, "top_groups": 2},
    "capacity": {"capacity": 9},
    "capacity by weight in groups": {"renormalise": True, "capacity": 3, "groups": 3, "by_weight": True},
}
COUNTS = (0, 4, 5, 6, 7)


def fits(shape, options):
    tokens, experts, k = shape
    groups = options.get("expert_groups", 1)
    return experts % groups == 0 and k <= experts // groups * options.get("top_groups", 1) and tokens % options.get("groups", 1) == 0


def relative(ours, theirs):
    scale = theirs.norm().item()
    difference = (ours.double() - theirs).norm().item()
    return difference / scale if scale > 0 else difference


def backward(outputs, factors):
    _, weights, probabilities, sums, *_ = outputs
    given = [factor.to(weights.dtype) for factor in factors]
    sum((each * factor).sum() for each, factor in zip((weights, probabilities, sums), given)).backward()


def errors(shape, options):
    tokens, experts, k = shape
    random = torch.Generator().manual_seed(tokens * 7 + experts)
    given = dict(options)
    bias = torch.randn(experts, generator=random) * 0.3 if given.pop("bias", False) else None
    logits = torch.randn(tokens, experts, generator=random) * 1.5
    factors = [torch.randn(size, generator=random) for size in ((tokens, k), (tokens, experts), (experts,))]

    def run(of, leaf, dtype):
        outputs = of(leaf, k, bias=None if bias is None else bias.to(dtype), **given)
        backward(outputs, factors)
        return outputs

    ours, exact = logits.clone().requires_grad_(), logits.double().requires_grad_()
    made, expected = run(gate, ours, torch.float32), run(reference, exact, torch.float64)
    for at in COUNTS:
        assert torch.equal(made[at], expected[at]), f"{shape} {options}: output {at} differs"
    torch.set_num_threads(1)
    alone = logits.clone().requires_grad_()
    again = run(gate, alone, torch.float32)
    torch.set_num_threads(2)
    for one, two in zip((*made, ours.grad), (*again, alone.grad)):
        assert torch.equal(one, two), "depends on the number of threads"
    noncontiguous = gate(logits.t().contiguous().t(), k, bias=bias, **given)
    assert all(torch.equal(one, two) for one, two in zip(made, noncontiguous)), "depends on strides"
    pairs = [(made[at].detach(), expected[at].detach()) for at in (1, 2, 3)] + [(ours.grad, exact.grad)]
    return max(relative(one, two) for one, two in pairs)


def each_gradient_alone(options):
    """The backward pass knows each of its three inputs alone."""
    given = {name: value for name, value in options.items() if name != "bias"}
    logits = torch.randn(20, 8)
    for output in (1, 2, 3):
        leaves = logits.clone().requires_grad_(), logits.double().requires_grad_()
        for leaf, of in zip(leaves, (gate, reference)):
            of(leaf, 2, **given)[output].square().sum().backward()
        assert relative(leaves[0].grad, leaves[1].grad) < 1e-5, f"{options} {output}"


def finite_differences(options):
    given = dict(options)
    bias = torch.linspace(-0.1, 0.2, 8).double() if given.pop("bias", False) else None
    torch.manual_seed(1)
    logits = torch.randn(6, 8, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda z: gate(z, 3, bias=bias, **{**given, "groups": 1})[1:4], (logits,))


def extremes():
    """NaN and infinite logits make NaN in their rows and nowhere else; experts stay in range; equal ones go by index."""
    inf, nan = float("inf"), float("nan")
    rows = [[0.0] * 20, [nan] + [1.0] * 19, [inf] * 2 + [0.0] * 18, [-inf] * 20, [-inf, 0.0, 1.0] + [-inf] * 17]
    rows.append([-0.0, 0.0] * 10)
    rows.append([1e30] + [-1e30] * 19)
    logits = torch.tensor(rows)
    for scoring in ("softmax", "sigmoid"):
        for renormalise in (False, True):
            for k in (2, 20):
                ours = gate(logits, k, scoring=scoring, renormalise=renormalise)
                theirs = reference(logits, k, scoring=scoring, renormalise=renormalise)
                for one, two in zip(ours, theirs):
                    assert torch.allclose(one, two, rtol=1e-6, atol=1e-37, equal_nan=True), (scoring, renormalise, k, one, two)
                bias = torch.zeros(20)
                biased = gate(logits, k, scoring=scoring, renormalise=renormalise, bias=bias)
                assert torch.equal(biased[0][0], torch.arange(k)) and biased[0].min() >= 0 and biased[0].max() < 20
                grouped = gate(logits, 2, scoring=scoring, bias=bias, expert_groups=4, top_groups=1)
                same = reference(logits, 2, scoring=scoring, bias=bias, expert_groups=4, top_groups=1)
                assert torch.equal(grouped[0], same[0]), (scoring, grouped[0], same[0])


results = {}
for name, options in OPTIONS.items():
    finite_differences(options)
    each_gradient_alone({**options, "groups": 1})
    for shape in SHAPES:
        if fits(shape, options):
            results[f"{name} {shape}"] = errors(shape, options)
extremes()
print(json.dumps(results))
