"""What a Jupyter client sees of the kernel: runs the scenarios of all topics and prints one JSON line each.

Usage: python scenarios.py DIRECTORY [NAME...]
"""

import importlib
import json
import os
import sys
import time
import traceback

from kernel_under_test import KernelUnderTest
from processes import assert_gone, processes_below
from scenario import SCENARIOS, scenario

# Each function in them is one test.
for topic in sorted(os.listdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "topics"))):
    if topic.endswith(".py"):
        importlib.import_module(f"topics.{topic[:-3]}")


# The last: no kernel is left after it.
@scenario
def shutdown_leaves_nothing(kernel):
    kernel.ok('import { spawn } from "node:child_process"; spawn("sleep", ["1000"]);')
    pids = processes_below(kernel.pid)
    assert len(pids) >= 3, pids
    kernel.shut_down()
    assert_gone(pids)


def main():
    directory, *names = sys.argv[1:]
    kernel = KernelUnderTest(directory)
    for name in names or SCENARIOS:
        start = time.monotonic()
        outcome = {"name": name}
        try:
            outcome["figures"] = SCENARIOS[name](kernel)
        except Exception:
            outcome["fault"] = traceback.format_exc()
        outcome["seconds"] = round(time.monotonic() - start, 2)
        print(json.dumps(outcome), flush=True)
    if "shutdown_leaves_nothing" not in (names or SCENARIOS):
        kernel.shut_down()


if __name__ == "__main__":
    main()
