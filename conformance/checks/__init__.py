"""The checks, a file for each subject."""

from importlib import import_module

#: In the order in which they run.
SUBJECTS = [
    "information",
    "execution",
    "output",
    "queue",
    "completion",
    "completeness",
    "history",
    "questions",
    "interrupts",
    "responsiveness",
    "clients",
    "comms",
    "security",
    "malformed",
    "subshells",
    "debugger",
    "life",
    "encryption",
]


def load():
    for subject in SUBJECTS:
        import_module(f".{subject}", __package__)
