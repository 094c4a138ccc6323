"""Runs checks against a kernel."""

import time
import traceback
from dataclasses import asdict, dataclass, field

from . import language, messages
from .check import REQUIRED, Failed, Skipped
from .kernel import Kernel
from .observations import Observations


@dataclass
class Outcome:
    name: str
    level: str
    meaning: str
    specification: str | None
    #: passed, failed or skipped
    status: str
    #: Why it failed or was skipped.
    reason: str = ""
    figures: dict = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self):
        return asdict(self)


#: What is watched all the time: name → (level, meaning, place).
WATCHED = {
    "frames": (REQUIRED, "Every message of the kernel is well-formed and signed with the connection's key.", "the-wire-protocol"),
    "ids": (REQUIRED, "Message ids are unique, and all messages of a kernel carry one session.", "message-header"),
    "parents": (REQUIRED, "The parent header of every message is a copy of its request's header.", "parent-header"),
    "states": (REQUIRED, "Every request's messages lie between its first busy and its only idle.", "kernel-status"),
    "replies": (REQUIRED, "Every request has at most one reply, of the fitting type and on its own channel.", "request-reply"),
}


def link(place):
    return f"{messages.SPECIFICATION}#{place}" if place else None


class Runner:
    """Runs checks one after another, on one kernel where they leave it usable."""

    def __init__(self, kernel_name, snippets, timeout, on_outcome=lambda outcome: None):
        self.kernel_name = kernel_name
        self.snippets = snippets
        self.timeout = timeout
        self.on_outcome = on_outcome
        self.observations = Observations()
        self._kernel = None

    def start_kernel(self, **options):
        return Kernel(self.kernel_name, self.timeout, self.observations.take, **options)

    @property
    def kernel(self):
        self._kernel = self._kernel or self.start_kernel()
        return self._kernel

    def run(self, checks):
        outcomes = [self._finish(check, *self._run_one(check)) for check in checks]
        self.close()
        return outcomes

    def watched(self, wanted):
        """Outcomes of what was watched during all checks; message types that never came are left out."""
        watched = [(f"always.{name}", name, self.observations.watched[name], *about) for name, about in WATCHED.items()]
        for message_type, (_channels, _content, place) in messages.MESSAGES.items():
            name = f"message.{message_type}"
            meaning = f"Every {message_type} has the fields of the specification."
            watched.append((name, name, self.observations.seen[message_type], REQUIRED, meaning, place))
        outcomes = []
        for name, key, count, level, meaning, place in watched:
            faults = self.observations.faults(key)
            status, reason = ("failed", "; ".join(faults)) if faults else ("passed", "")
            outcome = Outcome(name, level, meaning, link(place), status, reason, {"messages": count})
            if count and wanted(outcome):
                outcomes.append(outcome)
                self.on_outcome(outcome)
        return outcomes

    def close(self):
        if self._kernel:
            self._kernel.close()
            self._kernel = None

    def _run_one(self, check):
        """Status, reason, figures, seconds."""
        start = time.monotonic()
        status, reason, figures = "passed", "", {}
        kernel = None
        try:
            self._refuse(check)
            self.observations.only_answers = check.hostile
            kernel = None if check.own_kernel else self.kernel
            figures = check.run(kernel or self.start_kernel, self.snippets) or {}
        except Skipped as skipped:
            status, reason = "skipped", str(skipped)
        except Failed as failed:
            status, reason = "failed", str(failed)
        except Exception as fault:
            where = traceback.extract_tb(fault.__traceback__)[-1]
            status = "failed"
            reason = f"{type(fault).__name__}: {fault} ({where.filename.rsplit('/', 1)[-1]}:{where.lineno})"
        if kernel is not None:
            trouble = self._settle(kernel, status == "failed")
            if trouble:
                status, reason = "failed", trouble
        return status, reason, figures, time.monotonic() - start

    def _refuse(self, check):
        missing = [name for name in check.needs if not language.has(self.snippets, name)]
        if missing:
            raise Skipped(f"the language's description lacks {', '.join(missing)}")
        if check.feature and check.feature not in self.kernel.features:
            raise Skipped(f"the kernel does not claim {check.feature!r}")

    def _settle(self, kernel, failed):
        """Leaves a usable kernel to the next check; says what is wrong with this one."""
        if failed:
            # What it left running must not fail the next.
            self.close()
        elif not kernel.answers():
            what = "does not answer" if kernel.alive else "has ended"
            trouble = f"afterwards the kernel {what}; its last words: {kernel.last_words()}"
            self.close()
            return trouble
        else:
            kernel.client.forget()
        return ""

    def _finish(self, check, status, reason, figures, seconds):
        outcome = Outcome(
            check.name, check.level, check.meaning, link(check.place), status, reason, figures, round(seconds, 3)
        )
        self.on_outcome(outcome)
        return outcome


