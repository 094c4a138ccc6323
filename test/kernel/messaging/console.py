"""`jupyter console` on a pseudo terminal. Usage: python console.py DIRECTORY"""

import os
import pty
import select
import subprocess
import sys
import time

primary, secondary = pty.openpty()
console = subprocess.Popen(
    [sys.executable, "-m", "jupyter_console", "--kernel", "moelab", "--simple-prompt"],
    stdin=secondary,
    stdout=secondary,
    stderr=secondary,
    cwd=sys.argv[1],
    env={**os.environ, "TERM": "dumb"},
    start_new_session=True,
)
os.close(secondary)
shown = ""


def wait_for(text, since=0, timeout=40):
    global shown
    deadline = time.monotonic() + timeout
    while text not in shown[since:]:
        if time.monotonic() > deadline or (console.poll() is not None and not select.select([primary], [], [], 0)[0]):
            raise AssertionError(f"{text!r} did not appear in {shown[since:]!r}")
        if select.select([primary], [], [], 0.2)[0]:
            try:
                shown += os.read(primary, 65536).decode(errors="replace")
            except OSError:
                break


def enter(line, expected):
    since = len(shown)
    os.write(primary, f"{line}\n".encode())
    wait_for(expected, since + len(line))
    wait_for("In [", since + len(line))


wait_for("In [1]")
enter("const n: number = 40 + 2", "In [2]")
enter("n", "Out[2]: 42")
enter('console.log("printed" + n)', "printed42")
enter('throw new Error("thrown" + n)', "thrown42")
enter('const bad: string = n', "TS2322")
os.write(primary, b"\x04")
wait_for("Do you really want to exit", len(shown))
os.write(primary, b"y\n")
assert console.wait(timeout=20) == 0
