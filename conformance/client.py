"""A Jupyter client that keeps everything it gets, in the order of arrival."""

import time
import uuid

import zmq

from .check import Failed
from .exchange import Exchange, plain_text
from .wire import BadFrames, decode, encode, make_header

CHANNELS = ("iopub", "shell", "control", "stdin")


class Client:
    """One client's four channels. `observe(client, message or fault)` is told of all that arrives."""

    def __init__(self, connection, timeout, observe, session=None):
        self.connection = connection
        self.key = connection["key"]
        self.timeout = timeout
        self.session = session or str(uuid.uuid4())
        self.exchanges = {}
        #: Messages of no request of this client.
        self.others = []
        self.observe = observe
        self.answers = []
        identity = self.session.encode()
        self.sockets = {name: self._connect(name, identity) for name in CHANNELS}
        self.poller = zmq.Poller()
        for socket in self.sockets.values():
            self.poller.register(socket, zmq.POLLIN)

    def _connect(self, name, identity):
        socket = self.open_socket(zmq.SUB if name == "iopub" else zmq.DEALER)
        if name == "iopub":
            socket.subscribe(b"")
        else:
            socket.setsockopt(zmq.IDENTITY, identity)
        socket.connect(self.address(name))
        return socket

    def open_socket(self, kind, encrypted=True):
        """A socket fit for the kernel's transport, not connected."""
        socket = zmq.Context.instance().socket(kind)
        socket.linger = 0
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        server_key = self.connection.get("curve_publickey")
        if server_key and encrypted:
            public, secret = zmq.curve_keypair()
            socket.curve_publickey, socket.curve_secretkey = public, secret
            socket.curve_serverkey = server_key if isinstance(server_key, bytes) else server_key.encode()
        return socket

    def address(self, channel):
        info = self.connection
        separator = "-" if info["transport"] == "ipc" else ":"
        return f"{info['transport']}://{info['ip']}{separator}{info[f'{channel}_port']}"

    # Sending

    def send(self, msg_type, content=None, channel="shell", buffers=(), header=None, parent=None):
        header = make_header(msg_type, self.session, **(header or {}))
        content = {} if content is None else content
        exchange = Exchange(channel, header, content, time.monotonic())
        self.exchanges[header["msg_id"]] = exchange
        self.sockets[channel].send_multipart(encode(self.key, header, content, parent, buffers=buffers))
        return exchange

    def send_execute(self, code, header=None, **options):
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            **options,
        }
        return self.send("execute_request", content, header=header)

    def answer(self, question, value):
        header = make_header("input_reply", self.session)
        self.sockets["stdin"].send_multipart(encode(self.key, header, {"value": value}, question.header))

    # Receiving

    def pump(self, seconds):
        """Takes what arrives; returns as soon as something came, or after the time."""
        ready = dict(self.poller.poll(max(0, seconds) * 1000))
        for name, socket in self.sockets.items():
            if socket not in ready:
                continue
            # Bounded, so that a flood on one channel leaves the others their turn.
            for _ in range(500):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._take(name, frames)

    def _take(self, channel, frames):
        try:
            message = decode(self.key, channel, frames, time.monotonic())
        except BadFrames as fault:
            self.observe(self, channel, fault, None)
            return
        exchange = self.exchanges.get(message.parent_id)
        self.observe(self, channel, message, exchange)
        if exchange is None:
            self.others.append(message)
        elif channel == "iopub":
            exchange.published.append(message)
        elif channel == "stdin":
            exchange.questions.append(message)
            if self.answers:
                self.answer(message, self.answers.pop(0))
        else:
            exchange.replies.append(message)

    def wait(self, condition, what, timeout=None):
        """Receives until the condition holds; raises Failed when it does not within `timeout` seconds."""
        timeout = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"{what} within {timeout:g} s")
            self.pump(min(left, 0.1))

    def listen(self, seconds):
        """Receives for that long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.pump(left)

    def finish(self, exchange, timeout=None, reply=True):
        """Receives until the request was answered (unless it has no reply) and its `idle` is there."""
        missing = lambda: "reply" if reply and not exchange.replies else "idle"
        try:
            self.wait(lambda: (exchange.replies or not reply) and exchange.idle, "", timeout)
        except Failed:
            limit = self.timeout if timeout is None else timeout
            what = f"{exchange.type} {exchange.content!r:.300}"
            raise Failed(f"no {missing()} within {limit:g} s to {what}") from None
        return exchange

    def request(self, msg_type, content=None, channel="shell", timeout=None, **options):
        return self.finish(self.send(msg_type, content, channel, **options), timeout)

    def execute(self, code, timeout=None, header=None, **options):
        return self.finish(self.send_execute(code, header, **options), timeout)

    def ok(self, code, timeout=None, header=None, **options):
        """Executes what must succeed."""
        exchange = self.execute(code, timeout, header, **options)
        if exchange.reply.get("status") != "ok":
            fault = {name: exchange.reply.get(name) for name in ("status", "ename", "evalue")}
            raise Failed(f"{code!r:.120} did not succeed: {fault}")
        return exchange

    def result(self, code, **options):
        """The plain text of what an expression gives."""
        results = self.ok(code, **options).of("execute_result")
        if len(results) != 1:
            raise Failed(f"{code!r:.120}: expected one execute_result, got {len(results)}")
        return plain_text(results[0])

    def forget(self):
        self.exchanges.clear()
        self.others.clear()
        self.answers.clear()

    def close(self):
        for socket in self.sockets.values():
            socket.close()
