"""Ways in which a kernel loses its client. Usage: python endings.py DIRECTORY orphan | sigterm | sigkill"""

import os
import signal
import subprocess
import sys

from kernel_under_test import KernelUnderTest
from scenarios import assert_gone, processes_below

CHILD = r"""
import sys
sys.path.insert(0, sys.argv[2])
from kernel_under_test import KernelUnderTest
from scenarios import processes_below
SITUATIONS = [
    "while (true) {}",
    "await new Promise(() => {})",
    "prompt('never answered')",
    "require('child_process').spawnSync('sh', ['-c', 'trap \"\" INT TERM; sleep 300; sleep 300'])",
]
kernels = [KernelUnderTest(sys.argv[1]) for _ in SITUATIONS]
for kernel, code in zip(kernels, SITUATIONS):
    kernel.ok("1")
    kernel.send(code)
import time; time.sleep(1)
print(*(pid for kernel in kernels for pid in processes_below(kernel.pid)), flush=True)
import os; os.kill(os.getpid(), 9)
"""

directory, ending = sys.argv[1:]
if ending == "orphan":
    here = os.path.dirname(os.path.abspath(__file__))
    child = subprocess.run([sys.executable, "-c", CHILD, directory, here], capture_output=True, text=True)
    pids = {int(pid) for pid in child.stdout.split()}
    assert len(pids) >= 9, child
    assert_gone(pids, within=6)
else:
    kernel = KernelUnderTest(directory)
    kernel.ok("1")
    kernel.send("while (true) {}")
    pids = processes_below(kernel.pid)
    os.kill(kernel.pid, signal.SIGTERM if ending == "sigterm" else signal.SIGKILL)
    assert_gone(pids)
