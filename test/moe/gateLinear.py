"""Compares moelab::gate_linear with a product in float64, output and gradients, from bfloat16 and float32 tokens; and
moelab::expert_choice with its reference. Prints the largest relative error of every case, one JSON object."""

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

# tokens, dim, experts
SHAPES = [(1, 1, 1), (1, 64, 8), (3, 17, 5), (65, 33, 33), (200, 300, 64), (2100, 72, 100), (64, 512, 256)]


def relative(ours, theirs):
    scale = theirs.norm().item()
    difference = (ours.double() - theirs).norm().item()
    return difference / scale if scale > 0 else difference


def errors(shape, dtype):
    tokens, dim, experts = shape
    torch.manual_seed(tokens + dim)
    x, weight, gradient = torch.randn(tokens, dim).to(dtype), torch.randn(experts, dim), torch.randn(tokens, experts)
    exact = [x.double().requires_grad_(), weight.double().requires_grad_()]
    expected = exact[0] @ exact[1].T
    expected.backward(gradient.double())
    runs = []
    for threads in (2, 1):
        torch.set_num_threads(threads)
        own = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
        logits = ops.gate_linear(*own)
        logits.backward(gradient)
        runs.append([logits.detach(), own[1].grad, own[0].grad])
    # What float32 tokens meet are PyTorch's products, whose sums depend on threads, strides and what else is wanted.
    same = torch.equal if dtype == torch.bfloat16 else lambda one, two: torch.allclose(one, two, rtol=1e-4, atol=1e-4)
    assert all(same(one, two) for one, two in zip(*runs)), f"{shape} {dtype}: depends on the number of threads"
    turned = ops.gate_linear(x.t().contiguous().t(), weight.t().contiguous().t())
    assert same(turned, runs[0][0]), f"{shape}: depends on strides"
    only = [x.clone(), weight.clone().requires_grad_()]
    ops.gate_linear(*only).backward(gradient)
    assert same(only[1].grad, runs[0][1]), f"{shape}: depends on what else is wanted"
    logits, gradWeight, gradX = [relative(one, two) for one, two in zip(runs[0], [expected.detach(), exact[1].grad, exact[0].grad])]
    return {"float32": max(logits, gradWeight), str(dtype).removeprefix("torch."): gradX}


def expert_choice():
    for tokens, experts, each in ((0, 3, 0), (1, 1, 1), (5, 3, 0), (7, 4, 7), (100, 17, 12), (600, 256, 5), (64, 1, 9)):
        torch.manual_seed(tokens)
        for scores in (torch.randn(tokens, experts).softmax(-1), torch.randint(0, 3, (tokens, experts)).float(), torch.full((tokens, experts), float("nan"))):
            ours, theirs = ops.expert_choice(scores, each), ops.expert_choice_reference(scores, each)
            for one, two in zip(ours, theirs):
                assert torch.equal(one, two), (tokens, experts, each, one, two)
            chosen, kept, order, taken = ours
            assert taken.tolist() == [each] * experts and order.numel() == each * experts == kept.sum()
            doubled = ops.expert_choice(scores.double(), each)
            assert all(torch.equal(one, two) for one, two in zip(ours, doubled))


expert_choice()
nothing = torch.zeros(0, 8, dtype=torch.bfloat16, requires_grad=True)
weight = torch.ones(4, 8, requires_grad=True)
ops.gate_linear(nothing, weight).sum().backward()
assert nothing.grad.shape == (0, 8) and not weight.grad.any()
results = {}
for dtype in (torch.bfloat16, torch.float32):
    for shape in SHAPES:
        for name, error in errors(shape, dtype).items():
            results[f"{name} of {dtype} {shape}"] = error
print(json.dumps(results))
