"""A kernel under test: its process, and clients of it."""

import os
import shutil
import tempfile
import time

from jupyter_client.manager import KernelManager

from .check import Failed
from .client import Client
from .processes import living, processes_below


class Kernel:
    """A started kernel; `client` is its first client. `timeout` in seconds is how long a reply may take."""

    def __init__(self, name, timeout=10, observe=lambda *_: None, **manager_options):
        self.name = name
        self.timeout = timeout
        self.observe = observe
        self.folder = tempfile.mkdtemp(prefix="conformance-")
        self._log = open(os.path.join(self.folder, "kernel.log"), "wb")
        self._clients = []
        start = time.monotonic()
        self.manager = KernelManager(kernel_name=name, **manager_options)
        try:
            self.manager.start_kernel(cwd=self.folder, stdout=self._log, stderr=self._log)
            self.connection = self._connection()
            self.client = self.new_client()
            self.info = self.await_ready()
        except BaseException:
            self.close()
            raise
        self.start_seconds = time.monotonic() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _connection(self):
        info = self.manager.get_connection_info()
        key = info["key"]
        return {**info, "key": key if isinstance(key, bytes) else key.encode()}

    @property
    def pid(self):
        return self.manager.provisioner.pid

    @property
    def alive(self):
        return self.manager.has_kernel and self.manager.is_alive()

    @property
    def features(self):
        claimed = set(self.info.get("supported_features") or [])
        return claimed | ({"debugger"} if self.info.get("debugger") else set())

    @property
    def interrupt_mode(self):
        return self.manager.kernel_spec.interrupt_mode

    @property
    def protocol(self):
        """The version that the kernel says it speaks, as numbers."""
        return tuple(int(part) for part in str(self.info.get("protocol_version", "0")).split(".")[:2])

    def new_client(self, session=None):
        """Another client, or one that comes back with its old session."""
        client = Client(self.connection, self.timeout, self.observe, session)
        self._clients.append(client)
        return client

    def await_ready(self, client=None, timeout=60):
        """Asks until the kernel answers and what it publishes arrives; gives the content of kernel_info_reply."""
        client = client or self.client
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.alive:
                raise Failed(f"the kernel ended while it started; its last words: {self.last_words()}")
            asked = client.send("kernel_info_request")
            asked.judged = False
            try:
                client.finish(asked, timeout=1)
            except Failed:
                continue
            client.forget()
            return asked.reply
        raise Failed(f"the kernel did not answer within {timeout} s; its last words: {self.last_words()}")

    def interrupt(self):
        """As Jupyter does it for this kernel: a message, which is returned, or a signal."""
        if self.interrupt_mode == "message":
            return self.client.send("interrupt_request", channel="control")
        return self.manager.interrupt_kernel()

    def answers(self):
        """Whether the kernel is alive and answers on shell."""
        if not self.alive:
            return False
        try:
            self.client.request("kernel_info_request")
            return True
        except Failed:
            return False

    def processes(self):
        return processes_below(self.pid)

    def last_words(self):
        self._log.flush()
        with open(self._log.name, "rb") as log:
            return log.read()[-500:].decode("utf8", "replace").strip() or "none"

    def close(self):
        """Ends the kernel and whatever it left."""
        pids = self.processes() if self.alive else set()
        for client in self._clients:
            client.close()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        for pid in living(pids):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
