"""What a client asks about the kernel itself: where it listens, what it uses, what it remembers."""

import os
import time

from kernel_under_test import TIMEOUT
from scenario import scenario
from topics.subshells import control


@scenario
def connect_request(kernel):
    message = kernel.client.session.msg("connect_request")
    kernel.client.shell_channel.send(message)
    reply = kernel.client.get_shell_msg(timeout=TIMEOUT)["content"]
    info = kernel.manager.get_connection_info()
    assert reply == {"status": "ok", **{name: info[name] for name in info if name.endswith("_port")}}, reply


@scenario
def usage(kernel):
    control(kernel, "usage_request")
    kernel.ok("const held = new Float64Array(30_000_000).fill(1); for (const end = Date.now() + 400; Date.now() < end; );")
    busy = kernel.send("for (const end = Date.now() + 600; Date.now() < end; );")
    start = time.monotonic()
    used = control(kernel, "usage_request")
    assert time.monotonic() - start < 0.5, "usage waits for the cell"
    kernel.collect(busy)
    assert used["pid"] == kernel.pid and used["hostname"] == os.uname().nodename, used
    assert used["kernel_memory"] > 240e6 and used["kernel_cpu"] > 0, used
    assert 0 <= used["host_cpu_percent"] <= 100 and used["cpu_count"] >= 1, used
    memory = used["host_virtual_memory"]
    assert memory["total"] > memory["available"] > 0 and 0 < memory["percent"] < 100, memory


@scenario
def history_of_earlier_kernels(kernel):
    def entries(**request):
        return kernel.client.history(reply=True, timeout=TIMEOUT, **request)["content"]["history"]

    kernel.ok("'earlier'")
    kernel.ok("'unrecorded'", store_history=False)
    kernel.ok("'silent'", silent=True)
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=TIMEOUT)
    kernel.ok("20 + 1")
    kernel.ok("'later'")
    (earlier, *now) = entries(hist_access_type="tail", n=3, output=True)
    assert earlier[2] == ["'earlier'", None] and now[1][2] == ["'later'", "'later'"], (earlier, now)
    assert now[0][0] == now[1][0] == earlier[0] + 1 and [entry[1] for entry in now] == [1, 2], now
    assert entries(hist_access_type="range", session=-1, start=earlier[1], stop=earlier[1] + 1) == [[*earlier[:2], "'earlier'"]]
    assert entries(hist_access_type="search", pattern="'silent'") == entries(hist_access_type="search", pattern="'unrecorded'") == []


@scenario
def shutdown_answers_everything(kernel):
    """On a kernel of its own, which the driver's does not survive."""
    from kernel_under_test import KernelUnderTest

    own = KernelUnderTest(os.getcwd())
    pid = own.pid
    running = own.send("process.on('exit', () => console.log('exit handler')); console.log('started'); await new Promise(() => {})", store_history=False)
    waiting = own.send("'never runs'", store_history=False)
    while own.client.get_iopub_msg(timeout=TIMEOUT)["content"].get("text") != "started\n":
        pass
    message = own.client.session.msg("shutdown_request", {"restart": True})
    own.client.control_channel.send(message)
    reply = own.client.get_control_msg(timeout=TIMEOUT)
    assert reply["msg_type"] == "shutdown_reply" and reply["content"] == {"status": "ok", "restart": True}, reply
    died, aborted = own.collect(running), own.collect(waiting)
    assert died.reply["ename"] == "ExecutorDied" and died.stream("stdout").endswith("exit handler\n"), died.published
    assert aborted.reply["ename"] == "ExecutionAborted", aborted.reply
    told = None
    while told is None:
        published = own.client.get_iopub_msg(timeout=TIMEOUT)
        told = published if published["msg_type"] == "shutdown_reply" else None
    assert told["content"] == reply["content"] and told["parent_header"]["msg_id"] == message["header"]["msg_id"]
    own.manager.provisioner.process.wait(timeout=5)
    assert own.manager.provisioner.process.returncode == 0 and pid == own.pid
    own.client.stop_channels()
    own.manager.cleanup_resources()
