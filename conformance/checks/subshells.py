"""Kernel subshells (JEP 91)."""

from ..check import REQUIRED, check, expect, expect_equal

FEATURE = "kernel subshells"


def create(kernel):
    reply = kernel.client.request("create_subshell_request", channel="control").reply
    expect_equal(reply.get("status"), "ok", "status of create_subshell_reply")
    return reply["subshell_id"]


def delete(kernel, subshell):
    return kernel.client.request("delete_subshell_request", {"subshell_id": subshell}, "control").reply


def listed(kernel):
    return kernel.client.request("list_subshell_request", channel="control").reply["subshell_id"]


@check("subshell.list", REQUIRED, "kernel-subshells", feature=FEATURE)
def create_list_delete(kernel, _snippets):
    """Subshells are created, listed and deleted; their ids differ."""
    before = listed(kernel)
    made = [create(kernel), create(kernel)]
    expect(made[0] != made[1], "two subshells have one id")
    expect_equal(sorted(listed(kernel)), sorted(before + made), "subshells listed")
    for subshell in made:
        expect_equal(delete(kernel, subshell), {"status": "ok"}, "delete_subshell_reply")
    expect_equal(sorted(listed(kernel)), sorted(before), "subshells listed after deletion")


@check("subshell.unknown", REQUIRED, "delete-subshell", feature=FEATURE)
def unknown(kernel, _snippets):
    """To delete a subshell that does not exist is an error; a message for one leaves the kernel usable."""
    expect_equal(delete(kernel, "no such subshell").get("status"), "error", "status")
    kernel.client.send_execute("1", {"subshell_id": "no such subshell"})
    kernel.client.listen(0.1)
    kernel.client.request("kernel_info_request")


@check("subshell.concurrent", REQUIRED, "kernel-subshells", feature=FEATURE, needs=("sleep", "hello"))
def concurrent(kernel, snippets):
    """A subshell runs code, and answers other requests, while the main shell is busy; its output finds its cell."""
    client = kernel.client
    subshell = create(kernel)
    header = {"subshell_id": subshell}
    try:
        slow = client.send_execute(snippets["sleep"].replace("{ms}", "4000").replace("{s}", "4"))
        client.wait(lambda: "busy" in slow.states, "no busy")
        quick = client.ok(snippets["hello"], header=header)
        client.request("kernel_info_request", header=header)
        expect(not slow.replies, "the subshell waited for the main shell")
        expect(quick.text().startswith("hello, world\n"), f"stdout of the subshell's cell: {quick.text()!r}")
        expect("hello" not in slow.text(), "the main shell's cell got the output")
        # Saves the rest of its time where the kernel can be interrupted.
        kernel.interrupt()
        client.finish(slow)
    finally:
        delete(kernel, subshell)
    return {"seconds": round(quick.seconds, 3)}


@check("subshell.two", REQUIRED, "kernel-subshells", feature=FEATURE, needs=("sleep",))
def two(kernel, snippets):
    """Two subshells run side by side, each its own executions in their order."""
    client = kernel.client
    subshells = [create(kernel), create(kernel)]
    code = snippets["sleep"].replace("{ms}", "300").replace("{s}", "0.3")
    try:
        sent = [[client.send_execute(code, {"subshell_id": name}) for _ in range(2)] for name in subshells]
        for first, second in sent:
            client.finish(first)
            client.finish(second)
            expect(first.replies[0].at < second.replies[0].at, "one subshell's executions changed their order")
        expect(sent[1][0].replies[0].at < sent[0][1].replies[0].at, "the second subshell waited for the first")
    finally:
        for name in subshells:
            delete(kernel, name)


@check("subshell.variables", REQUIRED, "kernel-subshells", feature=FEATURE, needs=("define", "value"))
def variables(kernel, snippets):
    """Variables are shared between the main shell and its subshells."""
    kernel.client.ok(snippets["define"])
    subshell = create(kernel)
    try:
        value = kernel.client.result(snippets["value"]["code"], header={"subshell_id": subshell})
        expect_equal(value, snippets["value"]["text"], "the variable, in a subshell")
    finally:
        delete(kernel, subshell)


@check("subshell.error", REQUIRED, "kernel-subshells", feature=FEATURE, needs=("slow_error", "sleep", "hello"))
def error(kernel, snippets):
    """A failed execution in a subshell aborts the subshell's queue and not the main shell's."""
    client = kernel.client
    subshell = create(kernel)
    try:
        slow = client.send_execute(snippets["sleep"].replace("{ms}", "500").replace("{s}", "0.5"))
        waiting = client.send_execute(snippets["hello"])
        failing = client.send_execute(snippets["slow_error"], {"subshell_id": subshell})
        behind = client.send_execute(snippets["hello"], {"subshell_id": subshell})
        expect_equal(client.finish(failing).reply["status"], "error", "the failing one")
        expect(client.finish(behind).reply["status"] in ("error", "aborted"), "the one behind it ran")
        expect_equal(client.finish(slow).reply["status"], "ok", "the main shell's running one")
        expect_equal(client.finish(waiting).text(), "hello, world\n", "the main shell's waiting one")
    finally:
        delete(kernel, subshell)
