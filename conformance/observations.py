"""What is looked at in all messages of all checks: their fields, and their order about each request."""

from collections import Counter, defaultdict

from . import messages
from .wire import BadFrames

#: Faults kept of each kind; the rest is counted.
KEPT = 3


class Observations:
    def __init__(self):
        #: Messages per type.
        self.seen = Counter()
        #: What was watched → how often, so that what never came up is not called passed.
        self.watched = Counter()
        self._faults = defaultdict(Counter)
        #: While wrong requests are sent, only what belongs to right ones is judged.
        self.only_answers = False

    def take(self, client, channel, message, exchange):
        if (exchange is None and self.only_answers) or (exchange and not exchange.judged):
            return
        if isinstance(message, BadFrames):
            self._note("frames", f"{channel}: {message}")
            return
        self.watched["frames"] += 1
        self.seen[message.type] += 1
        for fault in messages.faults(message):
            self._note(f"message.{message.type}", fault)
        self._identity(client, channel, message)
        if exchange is not None:
            self._parent(message, exchange)
            if channel == "iopub":
                self._order(message, exchange)
            elif channel != "stdin":
                self._reply(message, exchange)

    def faults(self, name):
        """Texts, the most frequent first; empty when all was well."""
        return [
            text if count == 1 else f"{text} ({count} times)" for text, count in self._faults[name].most_common(KEPT)
        ]

    def _note(self, name, fault):
        self._faults[name][fault] += 1

    def _identity(self, client, channel, message):
        """Message ids are unique; a kernel keeps one session."""
        self.watched["ids"] += 1
        seen = client.__dict__.setdefault("seen_ids", set())
        if message.header.get("msg_id") in seen:
            self._note("ids", f"{message.type}: a msg_id that another message had")
        seen.add(message.header.get("msg_id"))
        session = client.__dict__.setdefault("kernel_session", message.header.get("session"))
        if message.header.get("session") != session:
            self._note("ids", f"{message.type} on {channel}: another session than the kernel's other messages")

    def _parent(self, message, exchange):
        """The parent header is a copy of the request's header."""
        self.watched["parents"] += 1
        for name, value in exchange.header.items():
            # A kernel may write the same time in another way.
            if name != "date" and message.parent.get(name) != value:
                self._note("parents", f"{message.type}: {name} of {exchange.type} was not copied")

    def _order(self, message, exchange):
        self.watched["states"] += 1
        states = exchange.states
        if message.type == "status":
            state = message.content.get("execution_state")
            # Clients take the last state for the kernel's: one that answers others meanwhile may say busy again.
            if "idle" in states or (state != "busy" and not states):
                self._note("states", f"{exchange.type}: {state} after {states or 'nothing'}")
        elif "busy" not in states:
            self._note("states", f"{exchange.type}: {message.type} before busy")

    def _reply(self, message, exchange):
        self.watched["replies"] += 1
        expected = exchange.type.removesuffix("_request") + "_reply"
        if message.type != expected:
            self._note("replies", f"{exchange.type} was answered by {message.type}")
        if exchange.replies:
            self._note("replies", f"{exchange.type} was answered more than once")
        if message.channel != exchange.channel:
            self._note("replies", f"{exchange.type} came on {exchange.channel}, its reply on {message.channel}")
