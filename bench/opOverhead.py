"""The Python side of op-overhead: the same operators on the same tensors."""

import timeit

import torch


def measure(statement, grad, count):
    """Nanoseconds `statement` takes, over `count` times."""
    names = {
        "torch": torch,
        "a": torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=grad),
        "b": torch.tensor([[0.5, 0.25], [0.125, 1.0]], requires_grad=grad),
    }
    return timeit.Timer(statement, globals=names).timeit(count) / count * 1e9
