"""Executors that end, restarts."""

import signal

from kernel_under_test import TIMEOUT
from scenario import scenario


def crash(kernel, name):
    kernel.ok("let lost = 1;")
    number = getattr(signal, name).value
    code = f"""
import {{ writeSync }} from "node:fs";
writeSync(2, "last words of native code\\n");
process.kill(process.pid, {number});
while (true);"""
    died = kernel.run(code)
    assert died.reply["ename"] == "ExecutorDied", died.reply
    text = "\n".join(died.reply["traceback"])
    assert name in text and "last words of native code" in text and "variables are lost" in text, text
    assert kernel.ok("1 + 1").text == "2"
    assert kernel.run("lost").reply["ename"] == "TypeScriptError"


@scenario
def killed_executor(kernel):
    crash(kernel, "SIGKILL")


@scenario
def segmentation_fault(kernel):
    crash(kernel, "SIGSEGV")


@scenario
def process_exit(kernel):
    exited = kernel.run("process.exit(3)")
    assert exited.reply["ename"] == "ExecutorDied" and "process.exit(3)" in exited.reply["evalue"], exited.reply
    assert kernel.ok("'back'").text == "'back'"


@scenario
def restart(kernel):
    kernel.ok("const gone = 1;")
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=TIMEOUT)
    after = kernel.run("gone")
    assert after.reply["ename"] == "TypeScriptError" and after.reply["execution_count"] == 1, after.reply
