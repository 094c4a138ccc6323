"""The command line of the fuzzer."""

import argparse
import json
import random
import sys
import time

from .. import language
from ..check import Failed
from .fuzzer import BATCH, Fuzzer


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m conformance fuzz", description="Sends random messages to a kernel.")
    parser.add_argument("--kernel", metavar="NAME", required=True, help="a kernelspec that Jupyter finds")
    parser.add_argument("--language", metavar="FILE", help="description of the language; default: a shipped one")
    parser.add_argument("--seed", type=int, help="the same seed sends the same messages; default: a random one")
    parser.add_argument("--messages", type=int, default=1000, help="how many; default 1000")
    parser.add_argument("--timeout", type=float, default=20, metavar="SECONDS", help="how long a reply may take; default 20")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    return parser.parse_args(arguments)


def main(arguments):
    """Exit code: 0 the kernel stayed well, 1 it did not, 2 the fuzzer could not run."""
    options = parse(arguments)
    seed = random.randrange(2**31) if options.seed is None else options.seed
    say = (lambda text: None) if options.json else (lambda text: print(text, flush=True))
    start = time.monotonic()
    try:
        fuzzer = Fuzzer(options.kernel, {}, options.timeout)
        info = fuzzer.kernel.info
        fuzzer.snippets = language.read(options.language) if options.language else language.find(info)
    except (Failed, language.LanguageError, OSError, KeyError) as fault:
        print(f"conformance: {fault}", file=sys.stderr)
        return 2
    say(f"seed {seed}")
    fault = None
    try:
        fuzzer.probe()
        for index in range(0, options.messages, BATCH):
            # A batch has a seed of its own, so that it can be sent again without those before it.
            batch_seed, count = seed + index // BATCH, min(BATCH, options.messages - index)
            try:
                fuzzer.batch(batch_seed, count)
            except Failed as failed:
                again = f"python -m conformance fuzz --kernel {options.kernel} --seed {batch_seed} --messages {count}"
                whole = f"--seed {seed} --messages {index + count}"
                fault = f"{failed}\nagain: {again}\nor with all that went before: {whole}"
                break
            say(f"{index + count} messages")
        faults = fuzzer.faults()
    finally:
        fuzzer.close()
    outcome = {"kernel": options.kernel, "seed": seed, "sent": dict(fuzzer.sent), "seconds": round(time.monotonic() - start, 1)}
    outcome |= {"fault": fault, "faults": faults}
    print(json.dumps(outcome) if options.json else "\n".join([*([fault] if fault else []), *(f"{n}: {f}" for n, f in faults.items())]) or "the kernel is well")
    return 1 if fault or faults else 0
