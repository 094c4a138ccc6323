"""The Python side of train and decode: OlmoeForCausalLM of transformers, of 166 million parameters."""

import os
import time

# Nothing is fetched: the model is made here.
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import OlmoeConfig, OlmoeForCausalLM  # noqa: E402

state = {}


def make(sizes, path):
    """A model by its sizes, in float32; writes its weights to a file."""
    state.clear()
    torch.manual_seed(0)
    config = OlmoeConfig(
        vocab_size=sizes["vocab"],
        hidden_size=sizes["dim"],
        intermediate_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        num_experts=sizes["experts"],
        num_experts_per_tok=sizes["topK"],
        max_position_embeddings=sizes["contextLength"],
        eos_token_id=None,
        pad_token_id=None,
        attn_implementation="sdpa",
    )
    state["model"] = OlmoeForCausalLM(config)
    save_file(state["model"].state_dict(), path)
    return sum(parameter.numel() for parameter in state["model"].parameters())


def inputs(ids):
    ids = torch.tensor(ids)
    # transformers shifts the labels itself: one more id gives as many targets as inputs here.
    return ids[:, :-1], ids[:, 1:]


def loss_of(model, ids, targets):
    logits = model(ids, use_cache=False).logits.float()
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def loss(ids, precision="f32"):
    """Mean cross entropy of each next id, without gradients."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        return loss_of(state["model"].float(), *inputs(ids)).item()


def prepare_training(precision, experts, optimizer, lr=1e-5):
    """
    `precision` "bf16" keeps float32 weights and computes in bfloat16 under autocast (as transformers' Trainer with
    bf16=True); "bf16 copies" has bfloat16 weights beside float32 masters, which the optimizer updates.
    """
    model = state["model"].float()
    if precision == "bf16 copies":
        model = model.bfloat16()
    model.set_experts_implementation(experts)
    model.train()
    parameters = list(model.parameters())
    for parameter in parameters:
        parameter.grad = None
    masters = parameters
    if precision == "bf16 copies":
        masters = [parameter.detach().float().requires_grad_() for parameter in parameters]
    state["training"] = precision, model, parameters, masters
    state["optimizer"] = torch.optim.AdamW(masters, lr=lr, **{optimizer: True})


def train_step(ids):
    """Milliseconds of forward, backward, clipping and update, and the loss before it."""
    precision, model, parameters, masters = state["training"]
    ids, targets = inputs(ids)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = loss_of(model, ids, targets)
    loss.backward()
    if masters is not parameters:
        for parameter, master in zip(parameters, masters):
            master.grad = parameter.grad.float()
            parameter.grad = None
    torch.nn.utils.clip_grad_norm_(masters, 1.0)
    state["optimizer"].step()
    state["optimizer"].zero_grad(set_to_none=True)
    if masters is not parameters:
        with torch.no_grad():
            torch._foreach_copy_(parameters, masters)
    value = loss.item()
    return [(time.perf_counter() - start) * 1e3, value]


def end_training():
    state.pop("training", None)
    state.pop("optimizer", None)


def prepare_decoding(dtype, experts):
    state["model"] = state["model"].to(getattr(torch, dtype)).eval()
    # Only in from_pretrained are the frequencies of the rotary embedding left in float32.
    rotary = state["model"].model.rotary_emb
    rotary.inv_freq = rotary.compute_default_rope_parameters(state["model"].config)[0]
    state["model"].set_experts_implementation(experts)


@torch.no_grad()
def decode(prompt, count):
    """Milliseconds of greedy generation, and the tokens."""
    ids = torch.tensor([prompt])
    mask = torch.ones_like(ids)
    start = time.perf_counter()
    made = state["model"].generate(
        ids, attention_mask=mask, max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0
    )
    return [(time.perf_counter() - start) * 1e3, made[0, len(prompt) :].tolist()]


@torch.no_grad()
def prefill(prompt):
    """Milliseconds of one pass over a prompt with an empty cache, logits of the last position alone."""
    ids = torch.tensor([prompt])
    start = time.perf_counter()
    logits = state["model"](ids, use_cache=True, logits_to_keep=1).logits
    logits.argmax().item()
    return (time.perf_counter() - start) * 1e3
