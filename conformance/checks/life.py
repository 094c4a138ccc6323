"""Restart, shutdown, crash, and the ends of kernels whose client is gone."""

import os
import shutil
import signal
import subprocess
import sys
import time

from ..check import BEYOND, REQUIRED, check, expect, expect_equal
from ..processes import expect_gone, living

#: Seconds that jupyter_client gives a kernel between shutdown_request and SIGTERM.
SHUTDOWN = 5
#: Seconds that a kernel may live on when the process that started it is gone.
ORPHANED = 10


def ask_to_shut_down(kernel, restart=False):
    """Sends shutdown_request and checks the reply; gives all processes of the kernel as they were."""
    pids = kernel.processes()
    sent = kernel.client.send("shutdown_request", {"restart": restart}, "control")
    # A kernel that goes does not stay for its idle.
    kernel.client.wait(lambda: sent.replies, "no reply to shutdown_request")
    expect_equal(sent.reply, {"status": "ok", "restart": restart}, "shutdown_reply")
    return pids


@check("life.restart", REQUIRED, "kernel-shutdown", needs=("define", "value", "result"), own_kernel=True)
def restart(start, snippets):
    """After a restart the variables are gone, the counter begins anew, and the session is another one."""
    with start() as kernel:
        before = kernel.client.ok(snippets["define"]).replies[0].header["session"]
        expect_gone(ask_to_shut_down(kernel, restart=True), SHUTDOWN, "after shutdown_request")
        begin = time.monotonic()
        kernel.manager.restart_kernel(now=True)
        client = kernel.new_client()
        kernel.await_ready(client)
        seconds = time.monotonic() - begin
        done = client.execute(snippets["value"]["code"])
        expect(done.replies[0].header["session"] != before, "the session id is that of before the restart")
        expect_equal(done.reply["status"], "error", "status of code with a variable of before")
        expect_equal(done.reply["execution_count"], 1, "execution_count")
        expect_equal(client.result(snippets["result"]["code"]), snippets["result"]["text"], "a result")
    return {"seconds": round(seconds, 2)}


@check("life.shutdown", REQUIRED, "kernel-shutdown", own_kernel=True)
def shutdown(start, _snippets):
    """shutdown_request is answered, and then the kernel ends with all its processes."""
    with start() as kernel:
        return {"seconds": round(expect_gone(ask_to_shut_down(kernel), SHUTDOWN, "after shutdown_request"), 2)}


@check("life.children", BEYOND, "kernel-shutdown", needs="spawn", own_kernel=True)
def children(start, snippets):
    """Processes that code has started end with the kernel."""
    with start() as kernel:
        kernel.client.ok(snippets["spawn"])
        pids = ask_to_shut_down(kernel)
        seconds = expect_gone(pids, SHUTDOWN, "after shutdown_request")
    return {"seconds": round(seconds, 2), "processes": len(pids)}


@check("life.shutdown_busy", BEYOND, "kernel-shutdown", needs="interrupts.busy_loop", own_kernel=True)
def shutdown_busy(start, snippets):
    """shutdown_request also ends a kernel whose cell computes without end."""
    with start() as kernel:
        kernel.client.send_execute(snippets["interrupts"]["busy_loop"])
        kernel.client.listen(0.4)
        seconds = expect_gone(ask_to_shut_down(kernel), SHUTDOWN, "after shutdown_request")
    return {"seconds": round(seconds, 2)}


@check("life.sigterm", BEYOND, own_kernel=True)
def sigterm(start, _snippets):
    """SIGTERM ends the kernel with all its processes."""
    with start() as kernel:
        pids = kernel.processes()
        os.kill(kernel.pid, signal.SIGTERM)
        seconds = expect_gone(pids, SHUTDOWN, "after SIGTERM")
    return {"seconds": round(seconds, 2)}


@check("life.killed", BEYOND, needs="interrupts.busy_loop", own_kernel=True)
def killed(start, snippets):
    """Nothing of a killed kernel goes on, though its cell computes."""
    with start() as kernel:
        kernel.client.send_execute(snippets["interrupts"]["busy_loop"])
        kernel.client.listen(0.4)
        pids = kernel.processes()
        os.kill(kernel.pid, signal.SIGKILL)
        seconds = expect_gone(pids, SHUTDOWN, "after SIGKILL")
    return {"seconds": round(seconds, 2)}


@check("life.orphan", BEYOND, needs="interrupts.busy_loop", own_kernel=True)
def orphan(start, snippets):
    """A kernel whose client was killed ends by itself, though its cell computes (JPY_PARENT_PID)."""
    code = snippets["interrupts"]["busy_loop"]
    command = [sys.executable, "-m", "conformance.abandoned", start.__self__.kernel_name, code]
    above = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with subprocess.Popen(command, cwd=above, stdout=subprocess.PIPE, text=True) as parent:
        folder, *numbers = parent.stdout.readline().split()
        pids = {int(number) for number in numbers}
        parent.kill()
    try:
        seconds = expect_gone(pids, ORPHANED, "after the end of the client")
    finally:
        for pid in living(pids):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    return {"seconds": round(seconds, 2)}


@check("life.crash", BEYOND, needs=("crash", "result"), own_kernel=True)
def crash(start, snippets):
    """When the process that computes is killed, the cell ends with an error and the kernel goes on; or the kernel ends at once, so that clients see it."""
    with start() as kernel:
        client = kernel.client
        running = client.send_execute(snippets["crash"])
        client.wait(lambda: running.replies or not kernel.alive, "neither an error nor the kernel's end")
        if not kernel.alive:
            return {"end": "the kernel's"}
        client.finish(running)
        expect_equal(running.reply["status"], "error", "status")
        expect_equal(len(running.of("error")), 1, "number of error messages")
        expect_equal(client.result(snippets["result"]["code"]), snippets["result"]["text"], "a result afterwards")
        return {"end": "an error", "ename": running.reply["ename"]}
