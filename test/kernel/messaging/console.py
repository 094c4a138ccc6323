"""`jupyter console` on a pseudo terminal. Usage: python console.py DIRECTORY"""

import os
import pty
import select
import signal
import subprocess
import sys
import time

def start(*options, term):
    global primary, console, shown
    shown = ""
    primary, secondary = pty.openpty()
    console = subprocess.Popen(
        [sys.executable, "-m", "jupyter_console", "--kernel", "moelab", *options],
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        cwd=sys.argv[1],
        env={**os.environ, "TERM": term},
        start_new_session=True,
    )
    os.close(secondary)


def end():
    os.write(primary, b"\x04")
    wait_for("Do you really want to exit", len(shown))
    os.write(primary, b"y\n" if simple else b"y\r")
    assert console.wait(timeout=20) == 0
    os.close(primary)


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


simple = True
start("--simple-prompt", term="dumb")
wait_for("In [1]")
enter("const n: number = 40 + 2", "In [2]")
enter("n", "Out[2]: 42")
enter('console.log("printed" + n)', "printed42")
enter('throw new Error("thrown" + n)', "thrown42")
enter('const bad: string = n', "TS2322")

# Input is asked for and given back.
since = len(shown)
os.write(primary, b"const name = prompt('Name? '); name.length\n")
wait_for("Name? ", since + 45)
enter("Ada", "3")
# Ctrl-C stops a cell and leaves its variables.
since = len(shown)
os.write(primary, b"let turns = 0; console.log('be' + 'gun'); while (true) turns++;\n")
wait_for("begun", since)
console.send_signal(signal.SIGINT)
wait_for("KernelInterrupt", since)
wait_for("In [", since + 40)
enter("turns > 0", "true")
end()

# With the usual prompt the Tab key completes.
simple = False
start(term="xterm")
wait_for("In [")
since = len(shown)
os.write(primary, b"'abc'.toUpp\t")
wait_for("toUpperCase", since)
os.write(primary, b"()\r")
wait_for("'ABC'", since)
wait_for("In [", shown.rindex("'ABC'"))
end()
