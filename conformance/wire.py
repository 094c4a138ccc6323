"""Jupyter messages as frames, and back. Written out here, since the checks also need frames that no library makes."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone

DELIMITER = b"<IDS|MSG>"
PROTOCOL_VERSION = "5.5"


class BadFrames(Exception):
    """What came is not a Jupyter message."""


@dataclass
class Message:
    channel: str
    header: dict
    parent: dict
    metadata: dict
    content: dict
    buffers: list = field(default_factory=list)
    #: Frames before the delimiter: the topic on IOPub.
    prefix: list = field(default_factory=list)
    #: Seconds on the monotonic clock when it arrived.
    at: float = 0.0

    @property
    def type(self):
        return self.header.get("msg_type")

    @property
    def parent_id(self):
        """None when there is none, or when it is not the text that it should be."""
        found = self.parent.get("msg_id")
        return found if isinstance(found, str) else None


def make_header(msg_type, session, **more):
    date = datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "msg_id": str(uuid.uuid4()),
        "session": session,
        "username": "conformance",
        "date": date,
        "msg_type": msg_type,
        "version": PROTOCOL_VERSION,
        **more,
    }


def signature(key, parts, scheme="hmac-sha256"):
    if not key:
        return b""
    digest = hmac.new(key, digestmod=getattr(hashlib, scheme.removeprefix("hmac-")))
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()


def pack(value):
    return json.dumps(value, ensure_ascii=False).encode("utf8", "surrogatepass")


def encode(key, header, content, parent=None, metadata=None, buffers=()):
    """Frames of a signed message, without prefix."""
    parts = [pack(part) for part in (header, parent or {}, metadata or {}, content)]
    return [DELIMITER, signature(key, parts), *parts, *buffers]


def decode(key, channel, frames, at):
    """Raises BadFrames when the frames are no message or not signed with the key."""
    if DELIMITER not in frames:
        raise BadFrames(f"{len(frames)} frames without the delimiter {DELIMITER!r}")
    index = frames.index(DELIMITER)
    if len(frames) < index + 6:
        raise BadFrames(f"{len(frames) - index} frames from the delimiter on, at least 6 belong there")
    parts = frames[index + 2 : index + 6]
    if not hmac.compare_digest(frames[index + 1], signature(key, parts)):
        raise BadFrames("a wrong signature")
    try:
        header, parent, metadata, content = [json.loads(part.decode("utf8")) for part in parts]
    except ValueError as fault:
        raise BadFrames(f"a part that is not JSON in UTF-8: {fault}") from None
    for name, part in {"header": header, "parent header": parent, "metadata": metadata, "content": content}.items():
        if not isinstance(part, dict):
            raise BadFrames(f"{name}: expected an object, got {part!r:.80}")
    return Message(channel, header, parent, metadata, content, frames[index + 6 :], frames[:index], at)
