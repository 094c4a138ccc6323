"""Messages that nobody with the key has sent."""

import json
import uuid
from contextlib import contextmanager

import zmq

from ..check import BEYOND, REQUIRED, Failed, check, expect, expect_equal
from ..wire import DELIMITER, encode, make_header, pack, signature


class Intruder:
    """A socket on which frames of any kind go out."""

    def __init__(self, kernel, channel):
        self.key = kernel.client.key
        self.timeout = kernel.timeout
        self.socket = kernel.client.open_socket(zmq.DEALER)
        self.socket.connect(kernel.client.address(channel))

    def message(self, msg_type, content, key=None):
        """Frames and id of a message, signed with a key, by default the right one."""
        header = make_header(msg_type, str(uuid.uuid4()))
        return encode(self.key if key is None else key, header, content), header["msg_id"]

    def send(self, frames):
        self.socket.send_multipart(frames)

    def await_answer(self, request_id):
        """Waits for the answer to a request that was sent."""
        while self.socket.poll(self.timeout * 1000):
            if parent_id(self.socket.recv_multipart()) == request_id:
                return
        raise Failed("a genuine request was not answered")

    def answers(self, late=0.1):
        """Parent ids of what was answered up to the reply to a genuine request that is sent now, and for a while after."""
        frames, fence = self.message("kernel_info_request", {})
        self.send(frames)
        parents = []
        while fence not in parents:
            expect(self.socket.poll(self.timeout * 1000), "a genuine request was not answered afterwards")
            parents.append(parent_id(self.socket.recv_multipart()))
        while self.socket.poll(late * 1000):
            parents.append(parent_id(self.socket.recv_multipart()))
        return [parent for parent in parents if parent != fence]


def parent_id(frames):
    return json.loads(frames[frames.index(DELIMITER) + 3]).get("msg_id")


@contextmanager
def intruder(kernel, channel="shell"):
    stranger = Intruder(kernel, channel)
    try:
        yield stranger
    finally:
        stranger.socket.close()


def expect_silence(kernel, stranger, channel):
    """Nothing was answered, and nothing published but for the genuine request."""
    kernel.client.forget()
    expect_equal(stranger.answers(), [], f"answers on {channel}")
    kernel.client.listen(0.1)
    kinds = {m.type for m in kernel.client.others} - {"status", "iopub_welcome"}
    expect_equal(kinds, set(), "types of messages published")


CODE = {"code": "1", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}


@check("security.forged", REQUIRED, "the-wire-protocol", hostile=True)
def forged(kernel, _snippets):
    """A message signed with another key is not answered, and nothing about it is published."""
    for channel in ("shell", "control"):
        with intruder(kernel, channel) as stranger:
            stranger.send(stranger.message("execute_request", CODE, b"another key")[0])
            stranger.send(stranger.message("kernel_info_request", {}, b"another key")[0])
            expect_silence(kernel, stranger, channel)


@check("security.unsigned", REQUIRED, "the-wire-protocol", hostile=True)
def unsigned(kernel, _snippets):
    """A message without a signature is not answered."""
    for channel in ("shell", "control"):
        with intruder(kernel, channel) as stranger:
            stranger.send(stranger.message("execute_request", CODE, b"")[0])
            stranger.send(stranger.message("kernel_info_request", {}, b"")[0])
            expect_silence(kernel, stranger, channel)


@check("security.tampered", REQUIRED, "the-wire-protocol", hostile=True)
def tampered(kernel, _snippets):
    """A message of which any part was changed after it was signed is not answered."""
    with intruder(kernel) as stranger:
        for part in range(2, 6):
            frames, _ = stranger.message("execute_request", CODE)
            frames[part] = frames[part].replace(b"}", b" }", 1)
            stranger.send(frames)
        expect_silence(kernel, stranger, "shell")


@check("security.truncated", REQUIRED, "the-wire-protocol", hostile=True)
def truncated(kernel, _snippets):
    """The beginning of a right signature is a wrong one."""
    with intruder(kernel) as stranger:
        for length in (1, 32, 63):
            frames, _ = stranger.message("execute_request", CODE)
            frames[1] = frames[1][:length]
            stranger.send(frames)
        expect_silence(kernel, stranger, "shell")


@check("security.replayed", BEYOND, "the-wire-protocol", hostile=True)
def replayed(kernel, _snippets):
    """A genuine message that is sent a second time is not answered again."""
    with intruder(kernel) as stranger:
        frames, original = stranger.message("execute_request", CODE)
        stranger.send(frames)
        stranger.await_answer(original)
        kernel.client.listen(0.2)
        stranger.send(frames)
        expect_silence(kernel, stranger, "shell")


@check("security.answer", REQUIRED, "messages-on-the-stdin-router-dealer-channel", needs="input", hostile=True)
def forged_answer(kernel, snippets):
    """A forged input_reply does not answer a question."""
    client = kernel.client
    asking = client.send_execute(snippets["input"]["code"], allow_stdin=True)
    client.wait(lambda: asking.questions, "no input_request")
    header = make_header("input_reply", client.session)
    parts = [pack(part) for part in (header, asking.questions[0].header, {}, {"value": "forged"})]
    client.sockets["stdin"].send_multipart([DELIMITER, signature(b"another key", parts), *parts])
    client.listen(0.2)
    client.answer(asking.questions[0], "genuine")
    expect_equal(client.finish(asking).text(), "got genuine\n", "stdout")
