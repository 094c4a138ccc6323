"""Subshells (JEP 91): lanes of a kernel whose cells run side by side."""

from kernel_under_test import TIMEOUT
from scenario import scenario


def control(kernel, message_type, **content):
    """The reply to a request on the control channel."""
    message = kernel.client.session.msg(message_type, content)
    kernel.client.control_channel.send(message)
    while True:
        reply = kernel.client.get_control_msg(timeout=TIMEOUT)
        if reply["parent_header"]["msg_id"] == message["header"]["msg_id"]:
            return reply["content"]


def send_to(kernel, subshell, code, **options):
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
    message = kernel.client.session.msg("execute_request", {**content, **options})
    message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)
    return message["header"]["msg_id"]


class Subshell:
    def __init__(self, kernel):
        self.kernel = kernel

    def __enter__(self):
        reply = control(self.kernel, "create_subshell_request")
        assert reply["status"] == "ok", reply
        self.id = reply["subshell_id"]
        return self

    def __exit__(self, *_):
        assert control(self.kernel, "delete_subshell_request", subshell_id=self.id) == {"status": "ok"}

    def send(self, code, **options):
        return send_to(self.kernel, self.id, code, **options)

    def run(self, code, **options):
        return self.kernel.collect(self.send(code, **options))


@scenario
def subshells_come_and_go(kernel):
    assert "kernel subshells" in kernel.client.kernel_info(reply=True, timeout=TIMEOUT)["content"]["supported_features"]
    with Subshell(kernel) as one, Subshell(kernel) as two:
        assert control(kernel, "list_subshell_request") == {"status": "ok", "subshell_id": [one.id, two.id]}
    assert control(kernel, "list_subshell_request") == {"status": "ok", "subshell_id": []}
    gone = control(kernel, "delete_subshell_request", subshell_id=one.id)
    assert gone["status"] == "error" and one.id in gone["evalue"], gone
    unknown = kernel.collect(send_to(kernel, one.id, "1"))
    assert unknown.reply["status"] == "error" and one.id in unknown.reply["evalue"], unknown.reply
    assert "execution_count" in unknown.reply


@scenario
def subshell_runs_while_the_main_shell_waits(kernel):
    kernel.ok("let release = () => {}; const shared = { value: 1 };")
    waiting = kernel.send("await new Promise<void>((resolve) => { release = resolve; }); console.log('main'); shared.value")
    with Subshell(kernel) as subshell:
        assert subshell.run("shared.value = 7; console.log('beside'); shared.value").text == "7"
        failed = subshell.run("throw new Error('here')")
        assert failed.reply["ename"] == "Error", failed.reply
        done = subshell.run("release(); 'released'")
        assert done.text == "'released'" and done.stream("stdout") == "", done.published
    main = kernel.collect(waiting)
    assert main.text == "7" and main.stream("stdout") == "main\n", main.published


@scenario
def subshell_has_its_own_queue(kernel):
    with Subshell(kernel) as subshell:
        first = subshell.send("await new Promise((r) => setTimeout(r, 200)); throw new Error('stop')")
        second = subshell.send("'must not run'")
        assert kernel.ok("'main goes on'").text == "'main goes on'"
        failed, aborted = kernel.collect(first), kernel.collect(second)
        assert failed.reply["ename"] == "Error" and aborted.reply["ename"] == "ExecutionAborted", aborted.reply
        assert subshell.run("'runs again'").text == "'runs again'"


@scenario
def subshell_reads_variables_of_a_busy_kernel(kernel):
    kernel.ok("let rounds = 0; const record = { loss: [0.5, 0.25] };")
    busy = kernel.send("console.log('begun'); for (;;) rounds++;")
    while kernel.client.get_iopub_msg(timeout=TIMEOUT)["content"].get("text") != "begun\n":
        pass
    with Subshell(kernel) as subshell:
        # The last state is that of the whole kernel: whoever asks for something else meanwhile does not make it idle.
        states = []
        msg_id = kernel.client.complete("rec")
        while states[-3:] != [(msg_id, "busy"), (msg_id, "idle"), (None, "busy")]:
            message = kernel.client.get_iopub_msg(timeout=TIMEOUT)
            if message["msg_type"] == "status":
                states.append((message["parent_header"].get("msg_id"), message["content"]["execution_state"]))
        assert kernel.client.get_shell_msg(timeout=TIMEOUT)["parent_header"]["msg_id"] == msg_id
        assert subshell.run("record").text == "{ loss: [ 0.5, 0.25 ] }"
        assert subshell.run("Math.min(...record.loss)").text == "0.25"
        before = int(subshell.run("rounds").text)
        assert int(subshell.run("rounds").text) > before
    kernel.manager.interrupt_kernel()
    assert kernel.collect(busy).reply["ename"] == "KernelInterrupt"


@scenario
def interrupt_stops_all_shells(kernel):
    with Subshell(kernel) as subshell:
        beside = subshell.send("await new Promise(() => {})")
        assert kernel.interrupted("while (true) {}") < 3
        assert kernel.collect(beside).reply["ename"] == "KernelInterrupt"


@scenario
def deleted_subshell_answers_what_waits(kernel):
    with Subshell(kernel) as subshell:
        first = subshell.send("await new Promise((r) => setTimeout(r, 300)); 'ended'")
        second = subshell.send("'must not run'")
        # The deletion goes another way than they do: when this is answered, they have arrived.
        kernel.client.kernel_info(reply=True, timeout=TIMEOUT)
    assert kernel.collect(first).text == "'ended'"
    assert kernel.collect(second).reply["ename"] == "ExecutionAborted"
