"""What no client should send: the kernel says what it expected, or nothing, and goes on."""

import json
import uuid

import zmq
from jupyter_client.session import Session
from kernel_under_test import TIMEOUT
from scenario import scenario

DELIMITER = b"<IDS|MSG>"


class RawClient:
    """Sends frames as they are and reads replies and published messages."""

    def __init__(self, kernel):
        self.info = kernel.manager.get_connection_info()
        self.session = Session(key=self.info["key"])
        self.sockets = {}

    def __enter__(self):
        context = zmq.Context.instance()
        for name, kind in {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER, "iopub": zmq.SUB}.items():
            self.sockets[name] = context.socket(kind)
            self.sockets[name].linger = 0
            self.sockets[name].connect(f"tcp://{self.info['ip']}:{self.info[f'{name}_port']}")
        self.sockets["iopub"].subscribe(b"")
        self.read("iopub")  # the welcome
        return self

    def __exit__(self, *_):
        for socket in self.sockets.values():
            socket.close()

    def send(self, channel, header, content, parent=b"{}", metadata=b"{}", buffers=()):
        """Signs the frames; what is no bytes becomes JSON."""
        parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, parent, metadata, content)]
        self.sockets[channel].send_multipart([DELIMITER, self.session.sign(parts), *parts, *buffers])

    def read(self, channel, timeout=TIMEOUT):
        assert self.sockets[channel].poll(1000 * timeout), f"nothing came on {channel}"
        return self.session.deserialize(self.session.feed_identities(self.sockets[channel].recv_multipart())[1])

    def ask(self, message_type, content, channel="shell", **frames):
        """The reply to a request; `busy` and `idle` are published around it."""
        header = {"msg_id": str(uuid.uuid4()), "msg_type": message_type, "session": "raw", "username": "", "version": "5.5", "date": ""}
        self.send(channel, header, content, **frames)
        states = []
        while states != ["busy", "idle"]:
            message = self.read("iopub")
            if message["parent_header"].get("msg_id") == header["msg_id"] and message["msg_type"] == "status":
                states.append(message["content"]["execution_state"])
        if not message_type.endswith("_request"):
            return None
        reply = self.read(channel)
        assert reply["msg_type"] == message_type.replace("_request", "_reply"), reply
        assert reply["parent_header"]["msg_id"] == header["msg_id"]
        return reply["content"]


INVALID = [
    ("execute_request", {"code": 5}, 'a string under "code", got 5'),
    ("execute_request", {}, 'a string under "code", got nothing'),
    ("execute_request", None, "an object as content, got null"),
    ("execute_request", [1, 2], "an object as content, got [ 1, 2 ]"),
    ("execute_request", b"{", "the content is not JSON"),
    ("execute_request", b'{"code": "\xff"}', "the content is not JSON"),
    ("execute_request", {"code": "1", "silent": "no"}, 'true or false under "silent", got \'no\''),
    ("execute_request", {"code": "1", "user_expressions": {"a": 1}}, 'an object of strings under "user_expressions"'),
    ("complete_request", {"code": None, "cursor_pos": 0}, 'a string under "code", got null'),
    ("complete_request", {"code": "a", "cursor_pos": "0"}, 'a whole number under "cursor_pos"'),
    ("inspect_request", {"code": {}, "cursor_pos": 0}, 'a string under "code"'),
    ("is_complete_request", {}, 'a string under "code"'),
    ("history_request", {"hist_access_type": "head"}, '"tail" or "range" or "search" under "hist_access_type"'),
    ("history_request", {"hist_access_type": "tail", "n": 1.5}, 'a whole number under "n"'),
    ("delete_subshell_request", {"subshell_id": 1}, 'a string under "subshell_id", got 1'),
    ("shutdown_request", {"restart": "perhaps"}, 'true or false under "restart"'),
    ("polish_request", {}, 'no message of type "polish_request"'),
    ("constructor_request", {}, 'no message of type "constructor_request"'),
    ("toString", {}, None),
]


@scenario
def invalid_requests_are_told_what_was_expected(kernel):
    with RawClient(kernel) as client:
        for message_type, content, expected in INVALID:
            reply = client.ask(message_type, content)
            if expected is None:
                continue
            assert reply["status"] == "error" and reply["ename"] == "InvalidRequest", (message_type, reply)
            assert expected in reply["evalue"], (expected, reply)
            assert "jupyterServer" not in "".join(reply["traceback"]), reply
            assert message_type != "execute_request" or "execution_count" in reply
    assert kernel.ok("1").text == "1"


@scenario
def cursors_outside_of_the_code_count_as_its_ends(kernel):
    kernel.ok("const cursorTarget = 1;")
    with RawClient(kernel) as client:
        code = "cursorTar"
        for cursor in (10**15, None, len(code) + 1):
            assert client.ask("complete_request", {"code": code, "cursor_pos": cursor})["matches"] == ["cursorTarget"], cursor
        for cursor in (-1, 0):
            assert client.ask("complete_request", {"code": code, "cursor_pos": cursor})["status"] == "ok", cursor
        assert client.ask("inspect_request", {"code": code, "cursor_pos": -5})["status"] == "ok"


@scenario
def frames_that_cannot_be_answered_are_passed_over(kernel):
    with RawClient(kernel) as client:
        for channel in ("shell", "control", "stdin"):
            socket = client.sockets[channel]
            for frames in ([b""], [DELIMITER], [DELIMITER] * 7, [DELIMITER, b""] + [b"{}"] * 4, [b"\xff" * 300] * 20):
                socket.send_multipart(frames)
            for header in (b"", b"{", b"null", b"[]", b"7", b"{}", b'{"msg_type": 1, "msg_id": "1"}', b'{"msg_type": "kernel_info_request"}', b"\xff"):
                client.send(channel, header, {})
            nested = b"[" * 200_000 + b"]" * 200_000
            client.send(channel, b'{"msg_type": "x", "msg_id": "1", "deep": ' + nested + b"}", {})
            client.send(channel, {"msg_type": "input_reply", "msg_id": "2"}, {"value": 5})
            client.send(channel, {"msg_type": "input_reply", "msg_id": "3"}, {"value": "nobody asked"})
        reply = client.ask("kernel_info_request", {}, parent=b"7", metadata=b"null", buffers=[b"\0" * 1000] * 50)
        assert reply["status"] == "ok"
        deep = {"msg_type": "kernel_info_request", "msg_id": "4"}
        client.send("shell", deep, b'{"deep": ' + nested + b"}")
        while client.read("shell")["parent_header"]["msg_id"] != "4":
            pass
    assert kernel.ok("1").text == "1"


@scenario
def hundred_megabytes_pass(kernel):
    size = 100_000_000
    with RawClient(kernel) as client:
        assert client.ask("comm_msg", {"comm_id": "none", "data": "x" * size}) is None
        assert client.ask("kernel_info_request", {}, buffers=[bytes(size)])["status"] == "ok"
    assert kernel.ok("1").text == "1"


@scenario
def ill_formed_text_of_cells_comes_back(kernel):
    # JSON can write half of a surrogate pair, UTF-8 cannot.
    with RawClient(kernel) as client:
        reply = client.ask("execute_request", b'{"code": "const half = \'a\\ud800b\'; half.length", "user_expressions": {"n": "half.length"}}')
        assert reply["user_expressions"]["n"]["data"] == {"text/plain": "3"}, reply
    assert kernel.ok("process.stdout.write('\\ud800'); '\\ud800'.length").text == "1"
    assert kernel.run("const \0 = 1").reply["status"] == "error"
