"""Magics, as a client sees them: one execution, whatever a cell consists of."""

import time

from kernel_under_test import TIMEOUT
from scenario import scenario


@scenario
def magics_are_one_execution(kernel):
    before = kernel.ok("1").reply["execution_count"]
    done = kernel.ok("%env MAGIC=on\n%time let quick = 1;\n%bash echo $MAGIC; echo oh >&2\nquick + 1")
    assert done.reply["execution_count"] == before + 1, done.reply
    assert [shown["execution_count"] for shown in done.of("execute_input")] == [before + 1]
    assert done.text == "2"
    out = done.stream("stdout")
    assert out.startswith("env: MAGIC=on\nCPU times: user ") and "\nWall time: " in out and out.endswith("\non\n"), out
    assert done.stream("stderr") == "oh\n"
    (page,) = kernel.ok("quick?").reply["payload"]
    assert page["source"] == "page" and page["data"]["text/plain"].startswith("let quick: number"), page
    reply = kernel.run("%tiem 1").reply
    assert reply["ename"] == "MagicError" and "Did you mean %time?" in reply["evalue"], reply
    assert kernel.ok("1").reply["execution_count"] == before + 4


@scenario
def scripts_are_interrupted(kernel):
    running = kernel.send("%%bash\necho started\nsleep 100\necho ended")
    kernel.until_printed(running, "started\n")
    start = time.monotonic()
    kernel.manager.interrupt_kernel()
    done = kernel.collect(running)
    assert done.reply["status"] == "error" and done.reply["ename"] == "KernelInterrupt", done.reply
    assert time.monotonic() - start < 5 and done.stream("stdout") == "started\n", done.published
    assert kernel.ok("1 + 1").text == "2"


@scenario
def magics_are_completed_and_inspected(kernel):
    reply = kernel.client.complete("%ti", 3, reply=True, timeout=TIMEOUT)["content"]
    assert (reply["matches"], reply["cursor_start"], reply["cursor_end"]) == (["%time"], 0, 3), reply
    reply = kernel.client.inspect("%env A", 2, reply=True, timeout=TIMEOUT)["content"]
    assert "environment" in reply["data"]["text/plain"], reply
