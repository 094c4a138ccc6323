"""Times moelab's operators on the GPU beside what PyTorch has for the same: python benchmark.py LIBRARY. Prints one JSON
object: milliseconds (median of many, by CUDA events), what they achieve, and the ceilings measured on the same GPU.
"""

import json
import sys

import torch
import torch.nn.functional as F

torch.ops.load_library(sys.argv[1])
moelab = torch.ops.moelab
device = "cuda"
grouped_mm = getattr(F, "grouped_mm", None) or getattr(torch, "_grouped_mm", None)


def milliseconds(body, repeats=15):
    for _ in range(3):
        body()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)]
    for start, end in events:
        start.record()
        body()
        end.record()
    torch.cuda.synchronize()
    return sorted(start.elapsed_time(end) for start, end in events)[repeats // 2]


def ceilings():
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    x, y = (torch.randn(4096, 4096, device=device) for _ in range(2))
    long = torch.randn(2**28, device=device)
    to = torch.empty_like(long)
    return {
        "bf16 TFLOP/s": 2 * 8192**3 / milliseconds(lambda: a @ b) / 1e9,
        "f32 TFLOP/s": 2 * 4096**3 / milliseconds(lambda: x @ y) / 1e9,
        "copy GB/s": 8 * 2**28 / milliseconds(lambda: to.copy_(long)) / 1e6,
    }


class Layer:
    """SwiGLU experts on routed tokens, in several ways."""

    def __init__(self, tokens, choices, experts, dim, hidden, dtype):
        torch.manual_seed(0)
        self.shape = tokens, choices, experts, dim, hidden

        def draw(*size, scale=1.0):
            return (torch.randn(*size, device=device) * scale).to(dtype).requires_grad_()

        self.x = draw(tokens, dim)
        self.up = draw(experts, 2 * hidden, dim, scale=dim**-0.5)
        self.down = draw(experts, dim, hidden, scale=hidden**-0.5)
        weight, self.chosen = torch.randn(tokens, experts, device=device).softmax(-1).topk(choices)
        self.weight = weight.requires_grad_()
        self.order, _, self.taken = moelab.dispatch(self.chosen, experts)
        self.lengths = self.taken.tolist()
        self.ends = self.taken.cumsum(0).to(torch.int32)
        self.grad = torch.randn_like(self.x)

    def moelab(self):
        return moelab.expert_ffn(self.x, self.up, self.down, self.weight, self.order, self.taken, "swiglu")

    def combined(self, rows):
        tokens = self.shape[0]
        factors = self.weight.t().reshape(-1)[self.order].to(rows.dtype)[:, None]
        return torch.zeros_like(self.x).index_add(0, self.order % tokens, rows * factors)

    def grouped(self):
        rows = self.x[self.order % self.shape[0]]
        gate, value = grouped_mm(rows, self.up.transpose(1, 2), offs=self.ends).chunk(2, -1)
        return self.combined(grouped_mm(F.silu(gate) * value, self.down.transpose(1, 2), offs=self.ends))

    def loop(self):
        answers = []
        for e, rows in enumerate(self.x[self.order % self.shape[0]].split(self.lengths)):
            gate, value = (rows @ self.up[e].T).chunk(2, -1)
            answers.append((F.silu(gate) * value) @ self.down[e].T)
        return self.combined(torch.cat(answers))

    def einsum(self):
        """Dense dispatch of DeepSpeed and GShard, capacity factor 1.25."""
        tokens, choices, experts, _, _ = self.shape
        capacity = max(1, tokens * choices * 5 // (4 * experts))
        mask = F.one_hot(self.chosen, experts)
        place = mask.transpose(0, 1).reshape(-1, experts).cumsum(0).view(choices, tokens, experts).transpose(0, 1) * mask - 1
        combine = self.x.new_zeros(tokens, experts, capacity)
        for c in range(choices):
            slots = F.one_hot(place[:, c].clamp(-1, capacity) + 1, capacity + 2)[..., 1:-1]
            combine = combine + self.weight[:, c, None, None].to(self.x.dtype) * slots
        rows = torch.einsum("tec,td->ecd", (combine > 0).to(self.x.dtype), self.x)
        gate, value = torch.bmm(rows, self.up.transpose(1, 2)).chunk(2, -1)
        return torch.einsum("tec,ecd->td", combine, torch.bmm(F.silu(gate) * value, self.down.transpose(1, 2)))

    def both_ways(self, way):
        inputs = [self.x, self.up, self.down, self.weight]
        return torch.autograd.grad(way(), inputs, self.grad)


def layer(*shape, dtype):
    given = Layer(*shape, dtype)
    tokens, choices, experts, dim, hidden = shape
    flops = 6 * tokens * choices * dim * hidden
    size = given.x.element_size()
    weights = min(experts, tokens * choices) * 3 * dim * hidden * size
    ways = {"moelab": given.moelab, "grouped_mm": given.grouped, "loop": given.loop}
    if tokens * tokens * choices * 5 // 4 < 2**28:
        ways["einsum"] = given.einsum
    result = {}
    for name, way in ways.items():
        try:
            with torch.no_grad():
                forward = milliseconds(way)
            both = milliseconds(lambda: given.both_ways(way), repeats=7)
            result[name] = {"forward": forward, "forward and backward": both, "forward TFLOP/s": flops / forward / 1e9,
                            "both TFLOP/s": 3 * flops / both / 1e9, "weights GB/s": weights / forward / 1e6}
        except Exception as problem:  # not every version has every way
            result[name] = {"problem": str(problem).splitlines()[0]}
    return result


def rows(tokens, choices, experts, dim, dtype):
    given = Layer(tokens, choices, experts, dim, 8, dtype)
    with torch.no_grad():
        there = moelab.permute(given.x, given.order, given.taken, choices)
        size = given.x.element_size() * dim * tokens
        permute = milliseconds(lambda: moelab.permute(given.x, given.order, given.taken, choices))
        unpermute = milliseconds(lambda: moelab.unpermute(there, given.weight, given.order, given.taken))
        indexed = milliseconds(lambda: given.x[given.order % tokens])
        added = milliseconds(lambda: given.combined(there))
    moved = size * (1 + choices)
    return {"permute": permute, "permute GB/s": moved / permute / 1e6, "unpermute": unpermute,
            "unpermute GB/s": moved / unpermute / 1e6, "index_select": indexed, "index_add": added}


def gate(tokens, experts, choices):
    logits = torch.randn(tokens, experts, device=device)
    def plain():
        weight, chosen = logits.softmax(-1).topk(choices)
        order = chosen.t().reshape(-1).argsort(stable=True)
        return order, torch.bincount(chosen.reshape(-1), minlength=experts)

    return {"moelab": milliseconds(lambda: moelab.gate(logits, choices)),
            "softmax, topk, argsort, bincount": milliseconds(plain)}


SHAPES = [
    (2048, 2, 8, 512, 2048), (2048, 2, 8, 1024, 4096), (2048, 2, 64, 512, 2048), (2048, 8, 64, 1024, 512),
    (16384, 8, 64, 2048, 1024), (8192, 2, 8, 4096, 14336), (8192, 8, 256, 2048, 512), (8, 8, 64, 2048, 1024),
    (1, 2, 8, 4096, 14336),
]
report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "ceilings": ceilings(), "layers": {},
          "rows": {}, "gate": {}}
for shape in SHAPES:
    for dtype in (torch.bfloat16, torch.float32):
        if dtype == torch.float32 and shape[0] * shape[1] * shape[3] * shape[4] > 2**34:
            continue
        tokens, choices, experts, dim, hidden = shape
        name = f"{str(dtype)[6:]} T={tokens} E={experts} k={choices} d={dim} f={hidden}"
        report["layers"][name] = layer(*shape, dtype=dtype)
        torch.cuda.empty_cache()
for tokens, choices, experts, dim in [(16384, 8, 64, 2048), (2048, 2, 64, 512)]:
    for dtype in (torch.bfloat16, torch.float32):
        report["rows"][f"{str(dtype)[6:]} T={tokens} k={choices} d={dim}"] = rows(tokens, choices, experts, dim, dtype)
for tokens, experts, choices in [(16384, 64, 8), (16384, 256, 8), (2048, 64, 2)]:
    report["gate"][f"T={tokens} E={experts} k={choices}"] = gate(tokens, experts, choices)
print(json.dumps(report, indent=1))
