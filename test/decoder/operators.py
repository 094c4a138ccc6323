"""Compares moelab::rms_norm, rotary, linear_few_rows and attend_one with the same in float64 from PyTorch's operators. Prints the
largest relative error of output and gradients of every case, one JSON object."""

import json
import os
import sys

# Before the library and libtorch read them.
os.environ["MOELAB_CPU_CAPABILITY"] = sys.argv[2]
os.environ["OMP_WAIT_POLICY"] = "passive"

import torch  # noqa: E402

torch.ops.load_library(sys.argv[1])
random = torch.Generator().manual_seed(1)


def draw(*size, dtype=torch.float32):
    return torch.randn(*size, generator=random).to(dtype)


def relative(ours, theirs):
    scale = theirs.norm().item()
    difference = (ours.double() - theirs).norm().item()
    return difference / scale if scale > 0 else difference


def with_gradients(function, inputs, grad):
    inputs = [tensor.detach().requires_grad_() for tensor in inputs]
    y = function(*inputs)
    return [y.detach(), *torch.autograd.grad(y, inputs, grad.to(y.dtype))]


def norm(x, weight):
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def turn(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


def on_threads(function):
    """What it gives, which must not depend on the number of threads."""
    torch.set_num_threads(1)
    one = function()
    torch.set_num_threads(3)
    for a, b in zip(one, function()):
        assert torch.equal(a, b), "another number of threads gives other results"
    return one


def compare(name, ours, theirs):
    for part, a, b in zip(("output", "gradient 1", "gradient 2"), ours, theirs):
        assert a.shape == b.shape, (name, part, a.shape, b.shape)
        found[f"{name}, {part}"] = relative(a, b)


found = {}
for dtype in (torch.float32, torch.bfloat16):
    short = str(dtype).removeprefix("torch.")
    for shape in ((1, 3), (3, 17), (33, 64), (2, 70, 512), (200, 1000), (0, 16)):
        x, grad = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype)
        weight = draw(shape[-1])
        ours = on_threads(
            lambda: with_gradients(lambda x, w: torch.ops.moelab.rms_norm(x, w, 1e-5), [x, weight], grad)
        )
        theirs = with_gradients(norm, [x.double(), weight.double()], grad.double())
        compare(f"{short} rms_norm {shape}", ours, theirs)
    plain = torch.ops.moelab.rms_norm(x := draw(5, 24, dtype=dtype), None, 1e-5)
    compare(f"{short} rms_norm without weight", [plain], [norm(x.double(), 1.0)])

    # [batch, length, heads, headDim] as projections give it and, with heads first, as it lies in memory.
    for shape in ((1, 1, 1, 2), (2, 5, 3, 6), (3, 70, 4, 64), (1, 9, 2, 30)):
        for as_projected in (False, True):
            table = draw(shape[1] + 4, shape[3])
            half = shape[3] // 2
            table[:, half:] = table[:, :half]
            cos, sin = table.cos(), table.sin()
            x, grad = (draw(*shape, dtype=dtype).transpose(1, 2) for _ in range(2))
            if not as_projected:
                x = x.contiguous()
            ours = on_threads(
                lambda: with_gradients(lambda x: torch.ops.moelab.rotary(x, cos, sin, 4), [x], grad)
            )
            wide = (table[4:].double().cos(), table[4:].double().sin())
            theirs = with_gradients(lambda x: turn(x, *wide), [x.double()], grad.double())
            compare(f"{short} rotary {shape} {'projected' if as_projected else 'contiguous'}", ours, theirs)

    for rows in (1, 2, 3, 4, 5, 6, 7, 8):
        for inputs, outputs in ((1, 1), (16, 3), (37, 130), (512, 1536)):
            x = draw(rows, inputs, dtype=dtype)
            weights = [draw(outputs, inputs, dtype=dtype), draw(5, inputs, dtype=dtype)]
            ours = on_threads(lambda: torch.ops.moelab.linear_few_rows(x, weights))
            theirs = [x.double() @ weight.double().T for weight in weights]
            compare(f"{short} linear_few_rows {rows} {inputs} {outputs}", ours, theirs)

    # batch, heads, kvHeads, length, headDim; keys and values are the beginning of a cache
    for batch, heads, kv_heads, length, head_dim in ((1, 1, 1, 1, 2), (2, 4, 2, 37, 6), (1, 8, 8, 300, 64), (3, 6, 1, 16, 80)):
        query = draw(batch, 1, heads, head_dim, dtype=dtype).transpose(1, 2)
        keys, values = (draw(batch, kv_heads, length + 5, head_dim, dtype=dtype)[:, :, :length] for _ in range(2))
        ours = on_threads(lambda: [torch.ops.moelab.attend_one(query, keys, values)])
        wide = [each.double().repeat_interleave(heads // kv_heads, 1) for each in (keys, values)]
        scores = query.double() @ wide[0].transpose(2, 3) / head_dim**0.5
        compare(f"{short} attend_one {batch} {heads} {kv_heads} {length} {head_dim}", ours, [scores.softmax(-1) @ wide[1]])

print(json.dumps(found))
