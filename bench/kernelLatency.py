"""Jupyter kernels as a client sees them: started, asked to run cells, timed. Times are in milliseconds."""

import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

# Longest time that a kernel may take for one reply, in milliseconds.
PATIENCE = 120_000


class Kernel:
    """A kernel process and sockets to it. Connections are tried often, so that waiting for one adds nothing."""

    def __init__(self, argv, cwd):
        self.folder = tempfile.mkdtemp(prefix="moelab-latency-")
        key = secrets.token_hex(16).encode()
        file, info = write_connection_file(os.path.join(self.folder, "connection.json"), ip="127.0.0.1", key=key)
        self.session = Session(key=key)
        self.context = zmq.Context()
        self.shell = self.connect(zmq.DEALER, info["shell_port"])
        self.control = self.connect(zmq.DEALER, info["control_port"])
        self.iopub = self.connect(zmq.SUB, info["iopub_port"])
        self.iopub.subscribe("")
        argv = [part.replace("{connection_file}", file) for part in argv]
        env = {**os.environ, "JPY_PARENT_PID": str(os.getpid())}
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def connect(self, kind, port):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.reconnect_ivl = 5
        socket.connect(f"tcp://127.0.0.1:{port}")
        return socket

    def receive(self, socket, msg_id, kind):
        """The message of a kind that answers a request."""
        while True:
            if not socket.poll(PATIENCE):
                raise TimeoutError(f"no {kind} within {PATIENCE / 1000} s")
            _, frames = self.session.feed_identities(socket.recv_multipart())
            message = self.session.deserialize(frames)
            if message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == kind:
                return message["content"]

    def run(self, code):
        """Runs a cell and gives its reply."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        request = self.session.send(self.shell, "execute_request", content)
        return self.receive(self.shell, request["header"]["msg_id"], "execute_reply")

    def ok(self, code):
        reply = self.run(code)
        if reply["status"] != "ok":
            raise RuntimeError(f"cell {code!r} failed: {json.dumps(reply)}\n{self.said()}")

    def said(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as log:
            return log.read()[-2000:]

    def stop(self):
        self.session.send(self.control, "shutdown_request", {"restart": False})
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.context.destroy()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


kernels = {}


def start(name, argv, cwd):
    """Starts a kernel and gives the time from there to the reply to its first cell, sent at once."""
    kernel = kernels[name] = Kernel(argv, cwd)
    kernel.ok("1 + 1")
    return (time.perf_counter() - kernel.started) * 1e3


def run(name, cells):
    """The time from the request of a cell to its reply: the median of one or more cells, run one after another."""
    kernel = kernels[name]
    times = []
    for cell in cells:
        begin = time.perf_counter()
        kernel.ok(cell)
        times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times)


def stop(name):
    kernels.pop(name).stop()


def stop_all():
    for name in list(kernels):
        stop(name)
