"""The processes of a kernel, from /proc or, elsewhere, from `ps`."""

import os
import subprocess
import time

from .check import Failed


def _table():
    """pid → (parent, state letter)"""
    if os.path.isdir("/proc/self"):
        found = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    state, parent = stat.read().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            found[int(entry)] = (int(parent), state)
        return found
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listing.stdout.splitlines()]
    return {int(pid): (int(parent), state[0]) for pid, parent, state in rows}


def _name(pid):
    try:
        with open(f"/proc/{pid}/comm") as comm:
            return comm.read().strip()
    except OSError:
        return str(pid)


def processes_below(root):
    """The process and all that descend from it."""
    table = _table()
    found = {root}
    while True:
        more = {pid for pid, (parent, _state) in table.items() if parent in found} - found
        if not more:
            return found
        found |= more


def living(pids):
    """Those that run; a zombie has ended."""
    table = _table()
    return {pid for pid in pids if pid in table and table[pid][1] != "Z"}


def expect_gone(pids, within, reason):
    """Waits for the end of the processes; gives the seconds that it took."""
    start = time.monotonic()
    names = {pid: _name(pid) for pid in pids}
    while left := living(pids):
        if time.monotonic() - start > within:
            who = ", ".join(sorted(names[pid] for pid in left))
            raise Failed(f"{reason}: {len(left)} of {len(pids)} processes are alive after {within:g} s: {who}")
        time.sleep(0.02)
    return time.monotonic() - start
