"""Messages that are genuine and wrong. Whatever comes, the kernel answers what comes next."""

import json

import zmq

from ..check import BEYOND, REQUIRED, Failed, check, expect
from ..contents import CONTENTS
from ..wire import DELIMITER, make_header, pack, signature
from .security import intruder


def survives(kernel, samples, channels=("shell", "control")):
    """`samples`: name → frames; after each the kernel answers on the same socket."""
    for channel in channels:
        with intruder(kernel, channel) as stranger:
            for name, frames in samples(stranger).items():
                stranger.send(frames)
                try:
                    stranger.answers(late=0)
                except Failed as failed:
                    raise Failed(f"{name} on {channel}: {failed}") from None


def signed(stranger, parts):
    return [DELIMITER, signature(stranger.key, parts), *parts]


def parts_of(msg_type="kernel_info_request", content=None):
    return [pack(part) for part in (make_header(msg_type, "malformed"), {}, {}, content or {})]


@check("malformed.frames", BEYOND, "the-wire-protocol", hostile=True)
def frames(kernel, _snippets):
    """Frames that are missing or empty do no harm."""

    def samples(stranger):
        whole = signed(stranger, parts_of())
        return {
            "one empty frame": [b""],
            "no delimiter": whole[1:],
            "the delimiter alone": [DELIMITER],
            "delimiters alone": [DELIMITER] * 6,
            "no content": whole[:-1],
            "no parts": whole[:2],
            "empty parts": signed(stranger, [b"", b"", b"", b""]),
            "noise": [bytes(range(256))] * 7,
            "a thousand identities": [b"i"] * 1000 + whole,
        }

    survives(kernel, samples)


@check("malformed.json", BEYOND, "the-wire-protocol", hostile=True)
def not_json(kernel, _snippets):
    """Signed parts that are not JSON, or no objects, do no harm."""

    def samples(stranger):
        found = {}
        for index, part in enumerate(("header", "parent header", "metadata", "content")):
            for wrong in (b"{", b"null", b"3", b"[]", b'"text"', b"NaN", b'{"a":1}{"b":2}', b"[" * 100_000):
                parts = parts_of()
                parts[index] = wrong
                found[f"{part} {wrong[:20]!r}"] = signed(stranger, parts)
        return found

    survives(kernel, samples, ("shell",))


@check("malformed.header", BEYOND, "message-header", hostile=True)
def header(kernel, _snippets):
    """A header in which a field is missing or of another type does no harm."""

    def samples(stranger):
        found = {}
        for name in make_header("x", "y"):
            for wrong in ("missing", None, 17, {}, []):
                parts = parts_of()
                changed = json.loads(parts[0])
                del changed[name]
                if wrong != "missing":
                    changed[name] = wrong
                parts[0] = pack(changed)
                found[f"{name} {wrong}"] = signed(stranger, parts)
        return found

    survives(kernel, samples, ("shell",))


@check("malformed.content", BEYOND, "content", hostile=True)
def content(kernel, _snippets):
    """Requests in which a field is missing or of another type do no harm."""

    def samples(stranger):
        found = {}
        for msg_type, right in CONTENTS.items():
            for name in right:
                for wrong in ("missing", None, -1, 1e300, "text", [], {}, {"a": []}):
                    changed = {**right, name: wrong}
                    if wrong == "missing":
                        del changed[name]
                    found[f"{msg_type}: {name} {wrong}"] = signed(stranger, parts_of(msg_type, changed))
        return found

    # One after another without waiting, or the check takes minutes with a slow kernel.
    with intruder(kernel) as stranger:
        for frames_of_one in samples(stranger).values():
            stranger.send(frames_of_one)
        stranger.answers(late=0)


@check("malformed.cursor", BEYOND, "completion", hostile=True)
def cursor(kernel, _snippets):
    """Cursors outside of the code do no harm."""

    def samples(stranger):
        requests = [("complete_request", {}), ("inspect_request", {"detail_level": 0})]
        return {
            f"{msg_type}: {position}": signed(stranger, parts_of(msg_type, {"code": "abc", "cursor_pos": position, **more}))
            for msg_type, more in requests
            for position in (-1, 4, 10**9, 1.5)
        }

    survives(kernel, samples, ("shell",))


@check("malformed.type", REQUIRED, "compatibility", hostile=True)
def unknown_type(kernel, _snippets):
    """Messages of types that nobody knows, or that kernels send themselves, do no harm."""
    kinds = ("no_such_request", "no_such", "", "constructor", "__proto__", "execute_reply", "status", "input_request", "x" * 10_000)
    survives(kernel, lambda stranger: {kind: signed(stranger, parts_of(kind)) for kind in kinds})


@check("malformed.fields", REQUIRED, "compatibility", hostile=True)
def extra_fields(kernel, _snippets):
    """Fields that the specification does not know do not hinder the answer."""
    content = {"unknown": [1, {"deep": None}]}
    kernel.client.request("kernel_info_request", content, header={"unknown": True})


@check("malformed.utf8", BEYOND, "the-wire-protocol", hostile=True)
def utf8(kernel, _snippets):
    """Bytes that are not UTF-8, and halves of surrogate pairs, do no harm."""

    def samples(stranger):
        found = {}
        for name, code in {"a lone byte": b'"\xff"', "a cut character": b'"\xf0\x9f\x98"', "overlong": b'"\xc0\xaf"', "half a pair": b'"\\ud83d"', "a zero": b'"\\u0000"'}.items():
            for msg_type in ("execute_request", "complete_request", "is_complete_request"):
                parts = parts_of(msg_type)
                parts[3] = b'{"code": ' + code + b', "cursor_pos": 1, "silent": true}'
                found[f"{msg_type}: {name}"] = signed(stranger, parts)
        return found

    survives(kernel, samples, ("shell",))


@check("malformed.huge", BEYOND, "the-wire-protocol", hostile=True)
def huge(kernel, _snippets):
    """A request of 64 MiB is answered, in its content or in its buffers; one with a thousand buffers, too."""
    client = kernel.client
    patience = 6 * kernel.timeout
    size = 64 * 2**20
    client.request("kernel_info_request", {"padding": "x" * size}, timeout=patience)
    client.request("kernel_info_request", buffers=[b"x" * size], timeout=patience)
    client.request("kernel_info_request", buffers=[b"x"] * 1000, timeout=patience)


@check("malformed.stdin", BEYOND, "messages-on-the-stdin-router-dealer-channel", hostile=True)
def stray_answer(kernel, _snippets):
    """An answer to a question that nobody asked does no harm, nor does a request on stdin."""
    with intruder(kernel, "stdin") as stranger:
        for content in ({"value": "stray"}, {}, {"value": None}):
            stranger.send(signed(stranger, parts_of("input_reply", content)))
        stranger.send(signed(stranger, parts_of("kernel_info_request")))
        stranger.send([b"noise"])
    kernel.client.request("kernel_info_request")


@check("malformed.heartbeat", BEYOND, "heartbeat-for-kernels", hostile=True)
def heartbeat(kernel, _snippets):
    """Frames on the heartbeat that are none of a REQ socket do no harm, nor does a client that sends twice."""
    client = kernel.client
    with client.open_socket(zmq.DEALER) as stranger, client.open_socket(zmq.REQ) as beat:
        stranger.connect(client.address("hb"))
        beat.connect(client.address("hb"))
        for frames_sent in ([b"no delimiter"], [b""], [b"a", b"", b"b"], [b"", b"once"], [b"", b"twice"], [bytes(range(256))] * 9):
            stranger.send_multipart(frames_sent)
        beat.send(b"ping")
        expect(beat.poll(kernel.timeout * 1000), "the heartbeat does not answer afterwards")


@check("malformed.subscription", BEYOND, "messages-on-the-iopub-xpub-sub-channel", hostile=True)
def subscription(kernel, _snippets):
    """What is neither a subscription nor its end does no harm on IOPub."""
    with kernel.client.open_socket(zmq.XSUB) as stranger:
        stranger.connect(kernel.client.address("iopub"))
        for frame in (b"", b"\x02", b"\x00never", b"\x01\xff\xfe", b"\x01" * 10_000, b"\x00\xff\xfe", b"text"):
            stranger.send(frame)
        stranger.send_multipart([b"\x01", b"\x01", b""])
        kernel.client.request("kernel_info_request")
