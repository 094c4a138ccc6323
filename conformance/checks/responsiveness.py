"""Requests while a cell computes."""

import time

import zmq

from ..check import BEYOND, REQUIRED, check, expect
from .interrupts import start, stop

#: Seconds that an answer may take while a cell computes.
LIMIT = 3


def while_busy(kernel, snippets, act):
    """Figures of `act()`, which runs while a cell computes; that is interrupted afterwards."""
    running = start(kernel, snippets["interrupts"]["busy_loop"])
    begin = time.monotonic()
    try:
        act()
        seconds = round(time.monotonic() - begin, 3)
        expect(not running.replies, "the cell ended before the answer came")
    finally:
        stop(kernel, running)
    return {"seconds": seconds}


@check("busy.heartbeat", REQUIRED, "heartbeat-for-kernels", needs="interrupts.busy_loop")
def heartbeat(kernel, snippets):
    """The heartbeat goes on while a cell computes."""
    with kernel.client.open_socket(zmq.REQ) as beat:
        beat.connect(kernel.client.address("hb"))

        def ping():
            beat.send(b"ping")
            expect(beat.poll(LIMIT * 1000), f"no echo within {LIMIT} s")

        return while_busy(kernel, snippets, ping)


@check("busy.control", BEYOND, "id4", needs="interrupts.busy_loop")
def control(kernel, snippets):
    """kernel_info_request on control is answered while a cell computes."""
    ask = lambda: kernel.client.request("kernel_info_request", channel="control", timeout=LIMIT)
    return while_busy(kernel, snippets, ask)


@check("busy.completion", BEYOND, "completion", needs=("completion", "interrupts.busy_loop"))
def completion(kernel, snippets):
    """Completion is answered while a cell computes."""
    sample = snippets["completion"]
    kernel.client.ok(sample["define"])
    code = sample["before"] + sample["typed"]

    def ask():
        reply = kernel.client.request("complete_request", {"code": code, "cursor_pos": len(code)}, timeout=LIMIT).reply
        expect(reply.get("matches"), f"no matches: {reply!r:.200}")

    return while_busy(kernel, snippets, ask)


@check("busy.inspection", BEYOND, "introspection", needs=("inspection", "interrupts.busy_loop"))
def inspection(kernel, snippets):
    """Inspection is answered while a cell computes."""
    sample = snippets["inspection"]
    kernel.client.ok(sample["define"])
    content = {"code": sample["code"], "cursor_pos": len(sample["code"]), "detail_level": 0}

    def ask():
        reply = kernel.client.request("inspect_request", content, timeout=LIMIT).reply
        expect(reply.get("found"), f"nothing was found: {reply!r:.200}")

    return while_busy(kernel, snippets, ask)


@check("busy.shell", BEYOND, "request-reply", needs="interrupts.busy_loop")
def shell(kernel, snippets):
    """The other requests on shell are answered while a cell computes."""
    requests = {
        "kernel_info_request": {},
        "is_complete_request": {"code": "1"},
        "comm_info_request": {},
        "history_request": {"output": False, "raw": True, "hist_access_type": "tail", "n": 1},
    }

    def ask():
        for name, content in requests.items():
            kernel.client.request(name, content, timeout=LIMIT)

    return while_busy(kernel, snippets, ask)
