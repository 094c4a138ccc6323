"""Relative errors of the optimizers' kernels against their references, for every combination of types: steps.py LIBRARY
CAPABILITY. Prints one JSON object; "threads" counts the cases in which the number of threads made a difference."""

import json
import os
import sys

os.environ["MOELAB_CPU_CAPABILITY"] = sys.argv[2]
import torch  # noqa: E402

torch.ops.load_library(sys.argv[1])
ops = torch.ops.moelab
shapes = [(), (1,), (17,), (3, 5), (16384,), (40001,), (0,)]
generator = torch.Generator().manual_seed(1)


def random(dtype=torch.float32, size=1.0):
    return [(torch.randn(shape, generator=generator) * size).to(dtype) for shape in shapes]


def run(step, threads, parameter, master, average, begin):
    torch.set_num_threads(threads)
    generator.manual_seed(7)
    weights = random()
    parameters = [weight.to(parameter) for weight in weights]
    masters = weights if master else []
    first, second = random(average), [x.abs() for x in random(average)]
    steps = [torch.full((), float(begin)) for _ in shapes]
    common = dict(lr=[0.01] * len(shapes), weight_decay=[0.1] * len(shapes), seeds=list(range(len(shapes))))
    for _ in range(3):
        gradients = random(parameter)
        if "adam" in step[0]:
            decoupled, corrected = step[1:]
            getattr(ops, step[0])(parameters, gradients, masters, first, second, steps, **common, beta1=0.9, beta2=0.99,
                                  eps=1e-8, decoupled=decoupled, bias_correction=corrected, gradient_scale=0.5)
        else:
            momentum, nesterov = step[1:]
            getattr(ops, step[0])(parameters, gradients, masters, first if momentum else [], steps, **common,
                                  momentum=momentum, dampening=0.0, nesterov=nesterov, gradient_scale=0.5)
    return parameters + masters + first + second + steps


def relative(ours, exact):
    if exact.numel() == 0:
        return 0.0
    ours, exact = ours.double(), exact.double()
    return ((ours - exact).norm() / exact.norm().clamp_min(1e-30)).item()


errors = {"threads": 0}
kinds = {"f32": (torch.float32, False), "bf16": (torch.bfloat16, False), "bf16 + master": (torch.bfloat16, True),
         "f16": (torch.float16, False), "f16 + master": (torch.float16, True)}
rules = [("adam_step_", True, True), ("adam_step_", False, False), ("sgd_step_", 0.9, True), ("sgd_step_", 0.9, False),
         ("sgd_step_", 0.0, False)]
for kind, (parameter, master) in kinds.items():
    for average in (torch.float32, torch.bfloat16):
        for rule in rules:
            for begin in (0, 5):
                reference = (rule[0].replace("step_", "step_reference_"), *rule[1:])
                exact = run(reference, 1, parameter, master, average, begin)
                one, two = (run(rule, threads, parameter, master, average, begin) for threads in (1, 3))
                errors["threads"] += not all(torch.equal(a, b) for a, b in zip(one, two))
                rounded = parameter != torch.float32 or average != torch.float32
                name = f"{'half' if rounded else 'full'} {kind} {average} {rule} from {begin}"
                errors[name] = max(relative(a, b) for a, b in zip(one, exact))

gradients = [torch.randn(50001, generator=generator), torch.tensor([3e38, 3e38]), torch.tensor([]),
             torch.randn(70, generator=generator).half(), torch.randn(7, 9, generator=generator).bfloat16().t(),
             torch.tensor([1e-30]), torch.tensor([65504.0, 6e-8, -2e-6, 0.0]).half()]
exact = torch.tensor([x.double().square().sum().item() for x in gradients], dtype=torch.float64)
sums = []
for threads in (1, 3):
    torch.set_num_threads(threads)
    sums.append(ops.squared_norms(gradients))
errors["threads"] += not torch.equal(*sums)
errors["norms"] = ((sums[0] - exact).abs() / exact.clamp_min(1e-300)).max().item()
for value in (float("inf"), float("nan")):
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        broken = torch.ones(40000, dtype=dtype)
        broken[33333] = value
        if torch.isfinite(ops.squared_norms([broken])).item():
            errors["norms"] = 1.0
# Every float16 there is comes through the kernel as it went in.
every = torch.arange(65536, dtype=torch.int32).to(torch.int16).view(torch.float16)
finite = every[torch.isfinite(every)].clone()
copy = finite.clone()
ops.sgd_step_([copy], [torch.zeros_like(copy)], [], [], [torch.zeros(())], lr=[0.1], weight_decay=[0.0], seeds=[0],
              momentum=0.0, dampening=0.0, nesterov=False, gradient_scale=1.0)
errors["float16"] = float(not torch.equal(copy, finite))
print(json.dumps(errors))
