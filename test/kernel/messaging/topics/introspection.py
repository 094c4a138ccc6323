"""What front ends ask about code: completion, inspection, completeness; and history."""

from kernel_under_test import TIMEOUT
from scenario import scenario


@scenario
def completion(kernel):
    kernel.ok("const completeMe = { alpha: 1, beta: 2, alphabet: 3 };")
    reply = kernel.client.complete("completeMe.alp", reply=True, timeout=TIMEOUT)["content"]
    assert reply["status"] == "ok" and set(reply["matches"]) == {"alpha", "alphabet"}, reply
    assert (reply["cursor_start"], reply["cursor_end"]) == (11, 14), reply
    # Cursors count code points: the first string holds one character of two UTF-16 units.
    code = '"\U0001d4b3"; completeMe.be'
    reply = kernel.client.complete(code, len(code), reply=True, timeout=TIMEOUT)["content"]
    assert reply["matches"] == ["beta"] and reply["cursor_end"] == len(code), reply


@scenario
def completion_while_a_cell_runs(kernel):
    msg_id = kernel.send("console.log('begun'); while (true);")
    kernel.until_printed(msg_id, "begun")
    reply = kernel.client.complete("Math.flo", reply=True, timeout=TIMEOUT)["content"]
    assert reply["matches"] == ["floor"], reply
    assert kernel.client.kernel_info(reply=True, timeout=TIMEOUT)["content"]["status"] == "ok"
    kernel.manager.interrupt_kernel()
    assert kernel.collect(msg_id).reply["ename"] == "KernelInterrupt"


@scenario
def inspection(kernel):
    kernel.ok("/** Doubles a number. */\nfunction twofold(x: number): number { return 2 * x }")
    reply = kernel.client.inspect("twofold(3)", 4, reply=True, timeout=TIMEOUT)["content"]
    assert reply["found"] and "function twofold(x: number): number" in reply["data"]["text/plain"], reply
    assert "Doubles a number." in reply["data"]["text/plain"], reply
    reply = kernel.client.inspect("   ", 1, reply=True, timeout=TIMEOUT)["content"]
    assert reply["status"] == "ok" and not reply["found"]


@scenario
def is_complete(kernel):
    for code, status in [("1 + 1", "complete"), ("function f() {", "incomplete"), ("let = = 3", "invalid")]:
        msg_id = kernel.client.is_complete(code)
        reply = kernel.client.get_shell_msg(timeout=TIMEOUT)
        assert reply["parent_header"]["msg_id"] == msg_id
        assert reply["content"]["status"] == status, (code, reply["content"])
        assert status != "incomplete" or reply["content"]["indent"] == "  "


@scenario
def history(kernel):
    for number in range(3):
        kernel.ok(f"'history {number}'")
    kernel.ok("'not kept'", store_history=False)

    def entries(**request):
        return [entry[2] for entry in kernel.client.history(reply=True, timeout=TIMEOUT, **request)["content"]["history"]]

    assert entries(hist_access_type="tail", n=2) == ["'history 1'", "'history 2'"]
    assert entries(hist_access_type="search", pattern="*tory 0*") == ["'history 0'"]
    last = kernel.ok("1").reply["execution_count"]
    assert entries(hist_access_type="range", session=0, start=last - 1, stop=last) == ["'history 2'"]
