"""Calls the functions of a file for the harness: one JSON request a line in, one JSON reply a line out."""

import importlib.util
import json
import os
import sys
import traceback

import torch

# Replies go to the real stdout; anything the functions print joins stderr.
replies = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

path, threads = sys.argv[1:3]
torch.set_num_threads(int(threads))
spec = importlib.util.spec_from_file_location("side", path)
side = importlib.util.module_from_spec(spec)
spec.loader.exec_module(side)

for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = {"result": getattr(side, request["function"])(**request["arguments"])}
    except Exception:
        reply = {"error": traceback.format_exc()}
    replies.write(json.dumps(reply) + "\n")
