"""Compares moelab's operators with the same from PyTorch's operators in float64: python operators.py [--small] DEVICE LIBRARY…

With DEVICE "cuda" they run on the GPU; with "cpu" and the library of emulated kernels (native/test/emulatedOperators.cc)
what would run there runs on the CPU. With --small large cases are left out. Prints one JSON object: the largest relative error of each case, over outputs and
gradients, by operator. On the GPU every case is run twice and has to give the same bits.
"""

import json
import sys

import torch
import torch.nn.functional as F

small = "--small" in sys.argv
device, *libraries = (each for each in sys.argv[1:] if each != "--small")
for library in libraries:
    torch.ops.load_library(library)
torch.backends.cuda.matmul.allow_tf32 = False
moelab = torch.ops.moelab
on_gpu = device != "cpu"
large = on_gpu and not small

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# tokens, choices, experts, dim, hidden, capacity
LAYERS = [
    (1, 1, 1, 8, 8, -1),
    (1, 2, 4, 32, 32, -1),
    (3, 2, 4, 17, 23, -1),
    (40, 2, 4, 64, 96, -1),
    (7, 2, 16, 33, 70, -1),
    (200, 1, 1, 64, 72, -1),
    (60, 2, 256, 32, 16, -1),
    (100, 2, 8, 64, 64, 12),
]
if large:
    LAYERS += [
        (300, 1, 2, 32, 136, -1),
        (600, 1, 2, 64, 300, -1),
        (513, 4, 8, 300, 72, -1),
        (2048, 2, 8, 512, 1024, -1),
        (4096, 8, 256, 128, 256, -1),
        (4096, 8, 64, 512, 512, 600),
        (16, 8, 32, 1024, 768, -1),
    ]


def generator(*numbers):
    return torch.Generator().manual_seed(sum(number * 31**i for i, number in enumerate(numbers)) % 2**31)


def relative(ours, exact):
    ours, exact = ours.detach().double().cpu(), exact.detach().double().cpu()
    assert ours.shape == exact.shape, f"shape {tuple(ours.shape)}, expected {tuple(exact.shape)}"
    assert not (ours.isnan() & ~exact.isnan()).any(), "NaN"
    scale = exact.norm().item()
    difference = (ours - exact).norm().item()
    return difference / scale if scale > 0 else difference


def compare(ours, exact, run, reference, seed):
    """Largest error of outputs and gradients. ours: leaves on the device, exact: the same on the CPU in float64."""
    outputs, expected = run(*ours), reference(*exact)
    gradients = [torch.randn(each.shape, generator=generator(seed, i)) for i, each in enumerate(expected)]
    torch.autograd.backward(outputs, [g.to(o) for g, o in zip(gradients, outputs)])
    torch.autograd.backward(expected, [g.to(o.dtype).double() for g, o in zip(gradients, outputs)])

    def worst():
        pairs = [*zip(outputs, expected), *((a.grad, b.grad) for a, b in zip(ours, exact))]
        return max(relative(one, two) for one, two in pairs)

    if not on_gpu:  # emulated threads take turns in an order that is always the same
        return worst()
    again = [each.detach().clone().requires_grad_() for each in ours]
    outputs_again = run(*again)
    torch.autograd.backward(outputs_again, [g.to(o) for g, o in zip(gradients, outputs_again)])
    for one, two in [*zip(outputs, outputs_again), *((a.grad, b.grad) for a, b in zip(ours, again))]:
        assert torch.equal(one, two), "not repeatable"
    return worst()


def leaves(tensors, dtypes):
    ours = [tensor.to(dtype).to(device).requires_grad_() for tensor, dtype in zip(tensors, dtypes)]
    return ours, [each.detach().cpu().double().requires_grad_() for each in ours]


def chosen_experts(tokens, choices, experts, random, skew=False):
    scores = torch.randn(tokens, experts, generator=random) - (2.0 * torch.arange(experts) if skew else 0)
    return scores.softmax(-1).topk(choices)


def expert_ffn(shape, activation, dtype, skew, recompute):
    tokens, choices, experts, dim, hidden, capacity = shape
    random = generator(*shape[:5])
    weight, chosen = chosen_experts(tokens, choices, experts, random, skew)
    order, _, taken = moelab.dispatch_reference(chosen, experts, capacity)
    width = 2 * hidden if activation == "swiglu" else hidden
    drawn = [torch.randn(size, generator=random) for size in ((tokens, dim), (experts, width, dim), (experts, dim, hidden))]
    drawn = [drawn[0], drawn[1] / dim**0.5, drawn[2] / hidden**0.5, weight]

    def run(x, up, down, weight):
        return [moelab.expert_ffn(x, up, down, weight, order.to(device), taken.to(device), activation, recompute)]

    def reference(x, up, down, weight):
        rows, answers = x[order % tokens].split(taken.tolist()), []
        for expert, row in enumerate(rows):
            z = row @ up[expert].T
            if activation == "swiglu":
                gate, value = z.chunk(2, -1)
                h = F.silu(gate) * value
            else:
                h = F.gelu(z)
            answers.append(h @ down[expert].T)
        weighted = torch.cat(answers) * weight[order % tokens, order // tokens][:, None]
        return [torch.zeros_like(x).index_add(0, order % tokens, weighted)]

    ours, exact = leaves(drawn, [dtype, dtype, dtype, torch.float32])
    return compare(ours, exact, run, reference, seed=1)


def rows_and_back(shape, dtype, padded):
    """permute, grouped_linear and unpermute, one after another."""
    tokens, choices, experts, dim, out, _ = shape
    random = generator(*shape[:5], padded)
    weight, chosen = chosen_experts(tokens, choices, experts, random)
    order, _, taken = moelab.dispatch_reference(chosen, experts, padded or -1)
    drawn = [torch.randn(tokens, dim, generator=random), torch.randn(experts, out, dim, generator=random) / dim**0.5, weight]

    def run(x, matrix, weight):
        there, lengths = order.to(device), taken.to(device)
        rows = moelab.permute(x, there, lengths, choices, padded)
        if padded:
            gaps = (torch.arange(padded)[None] >= taken[:, None]).reshape(-1)
            assert (rows[gaps.to(device)] == 0).all(), "rows that are not taken are zeros"
        return [moelab.unpermute(moelab.grouped_linear(rows, matrix, lengths, padded), weight, there, lengths, padded)]

    def reference(x, matrix, weight):
        rows = [row @ matrix[e].T for e, row in enumerate(x[order % tokens].split(taken.tolist()))]
        weighted = torch.cat(rows) * weight[order % tokens, order // tokens][:, None]
        return [x.new_zeros(tokens, out).index_add(0, order % tokens, weighted)]

    ours, exact = leaves(drawn, [dtype, dtype, torch.float32])
    return compare(ours, exact, run, reference, seed=2)


# tokens, experts, k, options
GATES = [
    (1, 1, 1, {}),
    (5, 3, 2, {}),
    (70, 8, 2, {"renormalise": True}),
    (70, 8, 2, {"scoring": "sigmoid"}),
    (33, 40, 6, {"scoring": "sigmoid", "renormalise": True, "scale": 2.5, "bias": True}),
    (33, 32, 4, {"scoring": "sigmoid", "renormalise": True, "bias": True, "expert_groups": 8, "top_groups": 3}),
    (64, 256, 8, {"expert_groups": 8, "top_groups": 4, "capacity": 3}),
    (64, 16, 2, {"capacity": 5, "groups": 4}),
    (64, 16, 2, {"capacity": 5, "groups": 2, "by_weight": True}),
    (2100, 64, 2, {"capacity": 40}),
]
if large:
    GATES += [(32768, 256, 8, {"capacity": 1200}), (16384, 64, 8, {"renormalise": True}), (4096, 1024, 4, {})]


def gate(tokens, experts, k, options):
    random = generator(tokens, experts, k)
    logits = torch.randn(tokens, experts, generator=random)
    options = dict(options)
    bias = torch.randn(experts, generator=random) * 0.1 if options.pop("bias", False) else None
    whole = {}

    def run(logits):
        made = moelab.gate(logits, k, bias=None if bias is None else bias.to(device), **options)
        whole["ours"] = made
        return list(made[1:4])

    def reference(logits):
        made = moelab.gate_reference(logits, k, bias=None if bias is None else bias.double(), **options)
        whole["exact"] = made
        return list(made[1:4])

    ours, exact = leaves([logits], [torch.float32])
    error = compare(ours, exact, run, reference, seed=3)
    for place in (0, 4, 5, 6, 7):
        assert torch.equal(whole["ours"][place].cpu(), whole["exact"][place]), f"result {place}"
    return error


def gate_of_odd_logits():
    """NaN, infinite and equal logits give what the reference gives."""
    logits = torch.zeros(6, 9)
    logits[1, 3], logits[2, 4], logits[3, :] = float("nan"), float("inf"), float("-inf")
    logits[4, 2:6], logits[5, 1] = 1.0, -0.0
    for options in ({}, {"renormalise": True}, {"scoring": "sigmoid"}, {"expert_groups": 3, "top_groups": 2}):
        ours = moelab.gate(logits.to(device), 3, **options)
        exact = moelab.gate_reference(logits, 3, **options)
        for place in (0, 4, 5, 6, 7):
            assert torch.equal(ours[place].cpu(), exact[place]), f"result {place} with {options}"
        for place in (1, 2, 3):
            assert torch.allclose(ours[place].cpu(), exact[place], equal_nan=True), f"result {place} with {options}"
    return 0


# tokens, choices, experts, capacity, groups, priority, kept
DISPATCHES = [
    (0, 2, 4, -1, 1, False, False),
    (1, 1, 1, -1, 1, False, False),
    (700, 2, 8, -1, 1, False, False),
    (700, 2, 8, 100, 1, False, False),
    (700, 2, 8, 0, 1, False, False),
    (1200, 2, 5, 30, 8, False, False),
    (1200, 2, 5, 30, 8, True, True),
    (600, 3, 300, 4, 1, True, False),
    (600, 3, 300, -1, 1, True, True),
    (64, 2, 700, 1, 8, True, True),
]
if large:
    DISPATCHES += [(100000, 8, 256, -1, 1, False, False), (100000, 8, 256, 3000, 10, True, True)]


def dispatch(tokens, choices, experts, capacity, groups, priority, kept):
    random = generator(tokens, choices, experts, groups)
    chosen = torch.randint(experts, (tokens, choices), generator=random)
    first = torch.randint(9, (tokens, choices), generator=random).float() if priority else None
    keeps = torch.rand(tokens, choices, generator=random) < 0.8 if kept else None
    there = [each if each is None else each.to(device) for each in (first, keeps)]
    exact = moelab.dispatch_reference(chosen, experts, capacity, groups, first, keeps)
    for _ in range(2):
        ours = moelab.dispatch(chosen.to(device), experts, capacity, groups, *there)
        for name, one, two in zip(("order", "load", "taken"), ours, exact):
            assert torch.equal(one.cpu(), two), name
    if groups == 1 and not priority and not kept:
        flat = moelab.order_by_expert(chosen.t().reshape(-1).to(device), experts, capacity)
        assert torch.equal(flat[0].cpu(), exact[0])
    return 0


def refused(call, message):
    try:
        call()
        if on_gpu:
            torch.cuda.synchronize()
            moelab.order_by_expert(torch.zeros(1, dtype=torch.int64, device=device), 1)
    except (IndexError, ValueError, RuntimeError) as error:
        assert message in str(error), f"expected {message!r}, got {error}"
        return 0
    raise AssertionError(f"expected an error with {message!r}")


def hostile(name):
    indices = lambda *values: torch.tensor(values, dtype=torch.int64, device=device)  # noqa: E731
    x, weight = torch.ones(3, 8, device=device), torch.ones(3, 1, device=device)
    layer = lambda order, taken: lambda: moelab.expert_ffn(  # noqa: E731
        x, torch.ones(2, 8, 8, device=device), torch.ones(2, 8, 4, device=device), weight, order, taken, "swiglu")
    product = lambda taken, padded: lambda: moelab.grouped_linear(  # noqa: E731
        torch.ones(4, 8, device=device), torch.ones(2, 8, 8, device=device), taken, padded)
    huge = 2**62
    cases = {
        "expert out of range": (lambda: moelab.dispatch(indices(0, 2, 1)[:, None], 2), "experts - 1"),
        "expert far out": (lambda: moelab.dispatch(indices(0, huge, 1)[:, None], 2, 1), "experts - 1"),
        "negative expert": (lambda: moelab.order_by_expert(indices(0, -1), 2), "experts - 1"),
        "assignment out of range": (layer(indices(0, 3, 1), indices(2, 1)), "order: expected values"),
        "negative assignment": (layer(indices(0, -huge, 1), indices(2, 1)), "order: expected values"),
        "assignment twice": (layer(indices(0, 1, 1), indices(2, 1)), "at most once"),
        "lengths too short": (layer(indices(0, 1, 2), indices(2, 0)), "sum to the rows"),
        "lengths that overflow": (layer(indices(0, 1, 2), indices(huge, huge)), "sum to the rows"),
        "negative length": (layer(indices(0, 1, 2), indices(4, -1)), "sum to the rows"),
        "permute": (lambda: moelab.permute(x, indices(0, 7), indices(1, 1), 1), "order: expected values"),
        "permute padded": (lambda: moelab.permute(x, indices(0, 1), indices(2, 0), 1, 1), "sum to the rows"),
        "unpermute": (lambda: moelab.unpermute(x, weight, indices(0, 0, 1), indices(3)), "at most once"),
        "grouped_linear": (product(indices(3, 2), 0), "sum to the rows"),
        "grouped_linear padded": (product(indices(3, 1), 2), "sum to the rows"),
    }
    return refused(*cases[name]) if name else list(cases)


def cases():
    for name, dtype in TYPES.items():
        layers = LAYERS if large or name != "float16" else LAYERS[3:5]  # emulated, it is bfloat16's source
        for activation in ("swiglu", "gelu"):
            for shape in layers:
                yield f"expert_ffn {name} {activation} {shape}", lambda: expert_ffn(shape, activation, dtype, False, False)
        skewed = (100, 2, 16, 64, 64, -1)
        yield f"expert_ffn {name} {skewed} skewed", lambda: expert_ffn(skewed, "swiglu", dtype, True, False)
        yield f"expert_ffn {name} {skewed} recomputed", lambda: expert_ffn(skewed, "gelu", dtype, False, True)
        for shape in layers:
            for padded in (0, shape[0] * shape[1] // shape[2] + 2):
                yield f"rows {name} {shape} {padded}", lambda: rows_and_back(shape, dtype, padded)
    for case in GATES:
        yield f"gate {case}", lambda: gate(*case)
    yield "gate of odd logits", gate_of_odd_logits
    for case in DISPATCHES:
        yield f"dispatch {case}", lambda: dispatch(*case)
    for name in hostile(None):
        yield f"hostile {name}", lambda: hostile(name)


LIMITS = {"float32": 3e-6, "bfloat16": 1e-2, "float16": 2e-3}
report = {}
for name, case in cases():
    limit = next((LIMITS[each] for each in LIMITS if each in name), 3e-6)
    try:
        error = case()
        report[name] = {"error": error, "ok": error <= limit}
    except Exception as problem:  # the others are still of interest
        report[name] = {"problem": f"{type(problem).__name__}: {problem}".splitlines()[0], "ok": False}
print(json.dumps(report))
