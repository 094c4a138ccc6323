"""A moelab kernel started by jupyter_client, and what one execution of it published."""

import time
from dataclasses import dataclass, field
from queue import Empty

from jupyter_client.manager import KernelManager

TIMEOUT = 30


@dataclass
class Execution:
    reply: dict
    # (message type, content) in the order of arrival, up to `idle`.
    published: list = field(default_factory=list)
    seconds: float = 0

    def of(self, message_type):
        return [content for kind, content in self.published if kind == message_type]

    def stream(self, name):
        return "".join(content["text"] for content in self.of("stream") if content["name"] == name)

    @property
    def text(self):
        """The text of the cell's result."""
        (result,) = self.of("execute_result")
        return result["data"]["text/plain"]


class KernelUnderTest:
    def __init__(self, cwd, **options):
        self.manager = KernelManager(kernel_name="moelab", **options)
        self.manager.start_kernel(cwd=cwd)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)
        # Published messages and replies that belonged to another execution than the one collected.
        self.others = []
        self.other_replies = []

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def send(self, code, **options):
        return self.client.execute(code, **options)

    def collect(self, msg_id, timeout=TIMEOUT, answers=()):
        """Everything of one execution; `answers` are given to its input requests in turn."""
        start = time.monotonic()
        answers = iter(answers)
        execution = Execution(reply={})
        while True:
            if time.monotonic() - start > timeout:
                raise TimeoutError(f"no idle after {timeout} s; so far: {execution.published[-5:]}")
            try:
                self.client.get_stdin_msg(timeout=0)
                answer = next(answers, None)
                if answer is not None:
                    self.client.input(answer)
            except Empty:
                pass
            message = self._take(self.others, msg_id)
            if message is None:
                try:
                    message = self.client.get_iopub_msg(timeout=0.1)
                except Empty:
                    continue
                if message["parent_header"].get("msg_id") != msg_id:
                    self.others.append(message)
                    continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            execution.published.append((kind, content))
        while (reply := self._take(self.other_replies, msg_id)) is None:
            self.other_replies.append(self.client.get_shell_msg(timeout=timeout))
        execution.reply = reply["content"]
        execution.seconds = time.monotonic() - start
        return execution

    def until_printed(self, msg_id, text, timeout=TIMEOUT):
        """Waits until an execution has printed a text; what was published stays there for collect()."""
        deadline = time.monotonic() + timeout
        mine = lambda message: message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == "stream"
        while text not in "".join(message["content"]["text"] for message in self.others if mine(message)):
            assert time.monotonic() < deadline, f"{text!r} was not printed"
            try:
                self.others.append(self.client.get_iopub_msg(timeout=0.1))
            except Empty:
                pass

    @staticmethod
    def _take(messages, msg_id):
        """Takes the first message that this execution caused out of the list."""
        for index, message in enumerate(messages):
            if message["parent_header"].get("msg_id") == msg_id:
                return messages.pop(index)
        return None

    def run(self, code, timeout=TIMEOUT, answers=(), **options):
        return self.collect(self.send(code, **options), timeout, answers)

    def ok(self, code, **options):
        execution = self.run(code, **options)
        assert execution.reply["status"] == "ok", execution.reply
        return execution

    def interrupted(self, code, after=0.4):
        """Runs a cell that does not end, interrupts it, and gives the seconds from there to its end."""
        msg_id = self.send(code)
        time.sleep(after)
        self.manager.interrupt_kernel()
        start = time.monotonic()
        execution = self.collect(msg_id)
        seconds = time.monotonic() - start
        assert execution.reply["status"] == "error", execution.reply
        assert execution.reply["ename"] == "KernelInterrupt", execution.reply
        return seconds

    def shut_down(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel()
