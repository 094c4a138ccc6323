"""The command line."""

import argparse
import sys
from fnmatch import fnmatch

from . import language, report
from .check import LEVELS, Failed, check
from .checks import load
from .runner import Runner, link


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m conformance", description="Checks a Jupyter kernel.")
    parser.add_argument("--kernel", metavar="NAME", help="a kernelspec that Jupyter finds")
    parser.add_argument("--language", metavar="FILE", help="description of the language; default: a shipped one")
    parser.add_argument("--only", metavar="PATTERN", action="append", help="run the checks whose names match, e.g. 'interrupt.*'; may be repeated")
    parser.add_argument("--except", metavar="PATTERN", action="append", default=[], dest="leave_out", help="leave out the checks whose names match; may be repeated")
    parser.add_argument("--level", choices=LEVELS, action="append", help="run the checks of this level; may be repeated")
    parser.add_argument("--timeout", type=float, default=10, metavar="SECONDS", help="how long a reply may take; default 10")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--list", action="store_true", help="print the checks, as a Markdown table, and end")
    options = parser.parse_args(arguments)
    if not options.kernel and not options.list:
        parser.error("--kernel NAME is needed; `jupyter kernelspec list` shows the names")
    return options


def listing(checks):
    lines = ["| check | level | meaning | needs |", "|---|---|---|---|"]
    for item in checks:
        name = f"[{item.name}]({link(item.place)})" if item.place else item.name
        needs = ", ".join([*item.needs, *([f"claims {item.feature}"] if item.feature else [])])
        lines.append(f"| {name} | {item.level} | {item.meaning} | {needs} |")
    return "\n".join(lines)


def main(arguments=None):
    """Exit code: 0 all passed or skipped, 1 something failed, 2 the suite could not run."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["fuzz"]:
        from .fuzz.cli import main as fuzz

        return fuzz(arguments[1:])
    options = parse(arguments)
    load()
    levels = options.level or LEVELS

    def wanted(item):
        matches = lambda patterns: any(fnmatch(item.name, pattern) for pattern in patterns)
        return item.level in levels and matches(options.only or ["*"]) and not matches(options.leave_out)

    chosen = [item for item in check.checks if wanted(item)]
    if options.list:
        print(listing(chosen))
        return 0
    show = (lambda outcome: None) if options.json else (lambda outcome: print(report.row(outcome), flush=True))
    runner = Runner(options.kernel, {}, options.timeout, show)
    try:
        info = runner.kernel.info
        runner.snippets = language.read(options.language) if options.language else language.find(info)
    except (Failed, language.LanguageError, OSError, KeyError) as fault:
        runner.close()
        print(f"conformance: {fault}", file=sys.stderr)
        return 2
    try:
        outcomes = [*runner.run(chosen), *runner.watched(wanted)]
    finally:
        runner.close()
    print(report.as_json(options.kernel, info, outcomes) if options.json else "\n" + report.summary(outcomes))
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0
