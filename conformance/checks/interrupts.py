"""Interrupts: running code ends, and everything else stays."""

import time

from ..check import BEYOND, OPTIONAL, Skipped, check, expect, expect_equal

KINDS = {
    "busy_loop": "an endless loop",
    "after_wait": "an endless loop that begins after a wait",
    "waiting": "code that waits for what never comes",
    "sleeping": "a loop that sleeps again and again",
    "callback": "an endless loop in the callback of a timer",
    "microtasks": "a chain of promises that never ends",
    "child": "code that waits for a child process",
    "printing": "an endless loop that prints",
}


def start(kernel, code):
    """An execution that has surely begun to run its code."""
    client = kernel.client
    running = client.send_execute(code)
    client.wait(lambda: "busy" in running.states, "no busy")
    client.listen(0.3)
    expect(not running.replies, f"the code ended by itself: {running.replies and running.reply}")
    return running


def stop(kernel, running):
    """Interrupts it; gives the seconds until its reply and its idle are there."""
    begin = time.monotonic()
    kernel.interrupt()
    kernel.client.finish(running)
    expect_equal(running.reply["status"], "error", "status")
    return round(time.monotonic() - begin, 3)


def expect_intact(kernel, snippets):
    expect_equal(kernel.client.result(snippets["value"]["code"]), snippets["value"]["text"], "a variable of before")


def interruption_of(kind, what):
    def interrupt(kernel, snippets):
        kernel.client.ok(snippets["define"])
        seconds = stop(kernel, start(kernel, snippets["interrupts"][kind]))
        expect_intact(kernel, snippets)
        return {"seconds": seconds}

    interrupt.__doc__ = f"An interrupt ends {what}, and leaves the variables."
    return interrupt


for kind, what in KINDS.items():
    needs = ("define", "value", f"interrupts.{kind}")
    check(f"interrupt.{kind}", BEYOND, "kernel-interrupt", needs)(interruption_of(kind, what))


@check("interrupt.repeated", BEYOND, "kernel-interrupt", needs=("define", "value", "interrupts.busy_loop"))
def repeated(kernel, snippets):
    """Five times in a row, with the variables of before after each."""
    kernel.client.ok(snippets["define"])
    seconds = []
    for _ in range(5):
        seconds.append(stop(kernel, start(kernel, snippets["interrupts"]["busy_loop"])))
        expect_intact(kernel, snippets)
    return {"longest seconds": max(seconds)}


@check("interrupt.burst", BEYOND, "kernel-interrupt", needs=("define", "value", "interrupts.busy_loop"))
def burst(kernel, snippets):
    """Five interrupts at once end the code once; what comes a moment later runs undisturbed."""
    kernel.client.ok(snippets["define"])
    running = start(kernel, snippets["interrupts"]["busy_loop"])
    for _ in range(4):
        kernel.interrupt()
    stop(kernel, running)
    kernel.client.listen(0.3)
    expect_intact(kernel, snippets)


@check("interrupt.idle", BEYOND, "kernel-interrupt", needs=("define", "value"))
def idle(kernel, snippets):
    """An interrupt while nothing runs does nothing."""
    kernel.client.ok(snippets["define"])
    kernel.interrupt()
    kernel.client.listen(0.3)
    expect_intact(kernel, snippets)


@check("interrupt.queue", BEYOND, "kernel-interrupt", needs=("hello", "interrupts.busy_loop"))
def queue(kernel, snippets):
    """Requests that wait behind interrupted code are answered and not run; a later one runs."""
    client = kernel.client
    running = start(kernel, snippets["interrupts"]["busy_loop"])
    waiting = [client.send_execute(snippets["hello"]) for _ in range(3)]
    client.listen(0.1)
    stop(kernel, running)
    for exchange in waiting:
        client.finish(exchange)
        expect(exchange.reply["status"] in ("error", "aborted"), f"one behind it: {exchange.reply['status']}")
        expect_equal(exchange.text(), "", "its stdout")
    expect_equal(client.ok(snippets["hello"]).text(), "hello, world\n", "stdout of a later one")


@check("interrupt.reply", OPTIONAL, "kernel-interrupt")
def reply(kernel, _snippets):
    """A kernel that is interrupted by message answers interrupt_request on control."""
    if kernel.interrupt_mode != "message":
        raise Skipped(f"interrupt_mode of the kernelspec is {kernel.interrupt_mode!r}")
    expect_equal(kernel.client.finish(kernel.interrupt()).reply, {"status": "ok"}, "content")
