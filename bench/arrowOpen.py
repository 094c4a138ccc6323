"""pyarrow on the same file: map it, read the table, take one element without a copy.

Usage: python arrowOpen.py FILE REPETITIONS
"""

import json
import sys
import time

import pyarrow as pa

def resident():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1]) / 1024

def open_file():
    start = time.perf_counter()
    table = pa.ipc.open_file(pa.memory_map(sys.argv[1])).read_all()
    table["weight"].chunk(0).to_numpy_ndarray()[0, -1, -1]
    return (time.perf_counter() - start) * 1e3

before = resident()
first = open_file()
more = resident() - before
print(json.dumps({"first": first, "more": more, "times": [open_file() for _ in range(int(sys.argv[2]))]}))
