"""Outcomes as text and as JSON."""

import json

from .check import LEVELS

MARKS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}


def figure_text(figures):
    return ", ".join(f"{name} {value}" for name, value in figures.items())


def row(outcome):
    """One line of the table."""
    note = outcome.reason if outcome.status != "passed" else figure_text(outcome.figures)
    return f"{MARKS[outcome.status]:8}{outcome.level:10}{outcome.name:34} {note}".rstrip()


def summary(outcomes):
    """Counts per level."""
    lines = [f"{'':12}{'passed':>8}{'failed':>8}{'skipped':>8}"]
    for level in LEVELS:
        counts = [sum(o.level == level and o.status == status for o in outcomes) for status in MARKS]
        lines.append(f"{level:12}" + "".join(f"{count:8}" for count in counts))
    return "\n".join(lines)


def as_json(kernel_name, info, outcomes):
    about = {name: info.get(name) for name in ("implementation", "implementation_version", "protocol_version")}
    counts = {status: sum(o.status == status for o in outcomes) for status in MARKS}
    return json.dumps({"kernel": kernel_name, **about, "counts": counts, "checks": [o.as_dict() for o in outcomes]})
