"""The decoder of models.moeTransformer in plain PyTorch, token by token and expert by expert.

parity.py FILE...: reads options, weights, ids and targets; writes to FILE.answer logits, loss, metrics and the gradient of
every weight.
"""

import math
import sys

import tensor_file
import torch
import torch.nn.functional as F


def rms_norm(x, weight, eps):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def rotate(x, theta):
    """Turns the pair (j, j + half) at position p by p * theta^(-2j/head_dim). x: [batch, length, heads, head_dim]"""
    length, half = x.shape[1], x.shape[3] // 2
    angle = torch.arange(length)[:, None] * theta ** (-torch.arange(half) / half)
    cos, sin = angle.cos()[None, :, None], angle.sin()[None, :, None]
    real, imaginary = x[..., :half], x[..., half:]
    return torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1)


def attention(x, w, prefix, options):
    batch, length, dim = x.shape
    heads, kv_heads = options["heads"], options["kvHeads"]
    head_dim = dim // heads
    q = (x @ w[f"{prefix}.qProj.weight"].T).view(batch, length, heads, head_dim)
    k = (x @ w[f"{prefix}.kProj.weight"].T).view(batch, length, kv_heads, head_dim)
    v = (x @ w[f"{prefix}.vProj.weight"].T).view(batch, length, kv_heads, head_dim)
    q, k = rotate(q, options["ropeTheta"]), rotate(k, options["ropeTheta"])
    future = torch.ones(length, length).triu(1).bool()
    outputs = []
    for head in range(heads):
        kv = head // (heads // kv_heads)
        scores = q[:, :, head] @ k[:, :, kv].transpose(1, 2) / math.sqrt(head_dim)
        outputs.append(scores.masked_fill(future, -math.inf).softmax(-1) @ v[:, :, kv])
    return torch.cat(outputs, dim=-1) @ w[f"{prefix}.oProj.weight"].T


def feed_forward(x, up, down, activation):
    hidden = x @ up.T
    if activation == "gelu":
        hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
    else:
        gate, value = hidden.chunk(2, dim=-1)
        hidden = gate * torch.sigmoid(gate) * value
    return hidden @ down.T


def mixture(x, w, prefix, moe):
    """x: [tokens, dim] -> [tokens, dim], auxiliary loss, how many assignments were dropped"""
    tokens, experts, k = x.shape[0], moe["experts"], moe["topK"]
    probabilities = torch.softmax(x @ w[f"{prefix}.gate.weight"].T, dim=-1)
    weights, chosen = probabilities.topk(k, dim=-1)
    if moe["renormalise"]:
        weights = weights / weights.sum(-1, keepdim=True)

    capacity = math.inf
    if moe["capacityFactor"] is not None:
        capacity = math.ceil(tokens * k / experts * moe["capacityFactor"])
    used = [0] * experts
    dropped = 0
    rows = [torch.zeros(x.shape[1]) for _ in range(tokens)]
    for choice in range(k):
        for token in range(tokens):
            expert = chosen[token, choice].item()
            if used[expert] >= capacity:
                dropped += 1
                continue
            used[expert] += 1
            up, down = w[f"{prefix}.experts.upProj"][expert], w[f"{prefix}.experts.downProj"][expert]
            answer = feed_forward(x[token], up, down, moe["activation"])
            rows[token] = rows[token] + weights[token, choice] * answer

    mean_probability = probabilities.mean(0)
    loss = torch.zeros(())
    for expert in range(experts):
        if moe["normalisation"] == "gshard":
            share = (chosen[:, 0] == expert).sum() / tokens
        elif moe["normalisation"] == "megatron":
            share = (chosen == expert).sum() / (tokens * k)
        else:
            share = (chosen == expert).sum() / tokens
        loss = loss + experts * mean_probability[expert] * share
    return torch.stack(rows), loss, dropped


def run(options, w, ids, targets):
    moe, eps = options["moe"], options["normEps"]
    x = w["tokenEmbedding.weight"][ids]
    losses, dropped = [], 0
    for layer in range(options["layers"]):
        prefix = f"layers.{layer}"
        x = x + attention(rms_norm(x, w[f"{prefix}.attentionNorm.weight"], eps), w, f"{prefix}.attention", options)
        inner = rms_norm(x, w[f"{prefix}.feedForwardNorm.weight"], eps)
        block = f"{prefix}.feedForward"
        if (layer + 1) % moe["every"] == 0:
            out, loss, lost = mixture(inner.reshape(-1, inner.shape[-1]), w, block, moe)
            losses.append(loss)
            dropped += lost
            x = x + out.view_as(x)
        else:
            up, down = w[f"{block}.upProj.weight"], w[f"{block}.downProj.weight"]
            x = x + feed_forward(inner, up, down, moe["activation"])
    x = rms_norm(x, w["norm.weight"], eps)
    logits = x @ w.get("lmHead.weight", w["tokenEmbedding.weight"]).T
    cross_entropy = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss = cross_entropy + moe["coefficient"] * sum(losses)
    return logits, loss, cross_entropy, torch.stack(losses).mean(), dropped


def answer(source, target):
    options, tensors = tensor_file.read(source)
    ids, targets = tensors.pop("ids"), tensors.pop("targets")
    weights = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    logits, loss, cross_entropy, aux_loss, dropped = run(options, weights, ids, targets)
    loss.backward()
    results = {"logits": logits, "loss": loss, "crossEntropy": cross_entropy, "auxLoss": aux_loss}
    results |= {f"gradient {name}": weight.grad for name, weight in weights.items()}
    tensor_file.write(target, {"dropped": dropped}, results)


torch.set_num_threads(1)
for path in sys.argv[1:]:
    answer(path, f"{path}.answer")
