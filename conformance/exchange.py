"""A request, and what came of it."""

import re
from dataclasses import dataclass, field

from .check import Failed


def plain_text(bundle):
    """The text/plain of a display or result, without colours."""
    text = bundle.get("data", {}).get("text/plain")
    return re.sub(r"\x1b\[[\d;]*m", "", text) if isinstance(text, str) else text


@dataclass
class Exchange:
    """A request, and all messages that name it as their parent."""

    channel: str
    header: dict
    content: dict
    sent: float
    replies: list = field(default_factory=list)
    published: list = field(default_factory=list)
    questions: list = field(default_factory=list)
    #: False for requests that are sent before it is sure that all that is published arrives.
    judged: bool = True

    @property
    def type(self):
        return self.header["msg_type"]

    @property
    def reply(self):
        """Content of the reply."""
        if not self.replies:
            raise Failed(f"{self.type} was not answered")
        return self.replies[0].content

    @property
    def states(self):
        return [message.content.get("execution_state") for message in self.published if message.type == "status"]

    @property
    def idle(self):
        return "idle" in self.states

    @property
    def seconds(self):
        """From the request to its reply."""
        return self.replies[0].at - self.sent

    def of(self, message_type):
        """Contents of the published messages of a type."""
        return [message.content for message in self.published if message.type == message_type]

    def text(self, name="stdout"):
        return "".join(content["text"] for content in self.of("stream") if content["name"] == name)

    @property
    def outputs(self):
        """Published messages that are neither states nor the echo of the code."""
        return [message for message in self.published if message.type not in ("status", "execute_input")]
