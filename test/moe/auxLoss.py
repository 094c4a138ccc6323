"""load_balancing_loss_func of transformers, and DeepSeek-V3's loss as its paper writes it, one sequence after another.

auxLoss.py FILE: reads logits_0, logits_1, … of each layer and the number k; writes to FILE.answer the losses and the
gradients by the logits.
"""

import sys

import tensor_file
import torch
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func as mixtral
from transformers.models.olmoe.modeling_olmoe import load_balancing_loss_func as olmoe


def deepseek_sequence(scores, k):
    """Equations 17 to 20 of arXiv 2412.19437 with alpha = 1. scores: [length, experts]"""
    length, experts = scores.shape
    shares = scores / scores.sum(-1, keepdim=True)
    loss = 0
    for i in range(experts):
        chosen = sum(1.0 for t in range(length) if i in scores[t].topk(k).indices.tolist())
        loss = loss + experts / (k * length) * chosen * shares[:, i].mean()
    return loss


meta, tensors = tensor_file.read(sys.argv[1])
logits = [tensors[name].clone().requires_grad_() for name in sorted(tensors)]
count = logits[0].shape[-1]
answer = {}


def tell(name, loss):
    answer[name] = loss.detach().clone()
    for at, gradient in enumerate(torch.autograd.grad(loss, logits)):
        answer[f"{name}.gradient_{at}"] = gradient


flat = tuple(layer.reshape(-1, count) for layer in logits)
tell("mixtral", mixtral(flat, count, meta["k"]))
tell("olmoe", olmoe(flat, count, meta["k"]))
sequences = [sequence for layer in logits for sequence in layer.sigmoid()]
tell("deepseek", sum(deepseek_sequence(sequence, meta["k"]) for sequence in sequences) / len(logits[0]))
tensor_file.write(sys.argv[1] + ".answer", None, answer)
