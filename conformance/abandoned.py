"""Starts a kernel that computes, prints its process and waits to be killed. Usage: python -m conformance.abandoned NAME CODE"""

import sys
import time

from .kernel import Kernel

if __name__ == "__main__":
    name, code = sys.argv[1:]
    kernel = Kernel(name)
    kernel.client.send_execute(code)
    kernel.client.listen(0.5)
    print(kernel.folder, *kernel.processes(), flush=True)
    time.sleep(600)
