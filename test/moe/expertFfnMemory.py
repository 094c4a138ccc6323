"""Prints the peak of resident memory, in MB, of a forward and a backward pass through sixteen expert layers."""

import ctypes
import os
import resource
import sys

os.environ["OMP_WAIT_POLICY"] = "passive"

# Freed tensors leave at once (M_MMAP_THRESHOLD): what malloc keeps for later is not to be measured.
ctypes.CDLL(None).mallopt(-3, 1 << 20)

import torch  # noqa: E402

torch.ops.load_library(sys.argv[1])
recompute = sys.argv[2] == "recompute"
torch.set_num_threads(1)

LAYERS, TOKENS, EXPERTS, DIM, HIDDEN = 16, 2048, 2, 32, 1024
order, _, taken = torch.ops.moelab.order_by_expert(torch.arange(TOKENS) % EXPERTS, EXPERTS, -1)
up = (torch.randn(EXPERTS, 2 * HIDDEN, DIM) / DIM**0.5).requires_grad_()
down = (torch.randn(EXPERTS, DIM, HIDDEN) / HIDDEN**0.5).requires_grad_()
weight = torch.ones(TOKENS, 1)

x = torch.randn(TOKENS, DIM)
for _ in range(LAYERS):
    x = torch.ops.moelab.expert_ffn(x, up, down, weight, order, taken, "swiglu", recompute)
x.sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
