"""Sends random messages in batches, and looks after the kernel's health behind each."""

import random
from collections import Counter

import zmq

from ..check import Failed, expect, expect_equal
from ..contents import CONTENTS
from ..kernel import Kernel
from ..observations import Observations
from .code import CodeMaker
from .requests import RequestMaker

BATCH = 50
#: Replies that a kernel must give; the others are expected of those that give them when they are asked first.
ALWAYS_ANSWERED = {"execute_request", "kernel_info_request"}
#: Messages that have no reply.
ONE_WAY = {"comm_open", "comm_msg", "comm_close"}


class Fuzzer:
    def __init__(self, kernel_name, snippets, timeout):
        self.snippets = snippets
        self.observations = Observations()
        self.observations.only_answers = True
        self.kernel = Kernel(kernel_name, timeout, self.observations.take)
        self.sent = Counter()
        self.answered = set()
        self.sockets = {}
        for channel, kind in {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER, "hb": zmq.DEALER, "iopub": zmq.XSUB}.items():
            self.sockets[channel] = self.kernel.client.open_socket(kind)
            self.sockets[channel].connect(self.kernel.client.address(channel))

    def probe(self):
        """Learns which requests this kernel answers."""
        client = self.kernel.client
        asked = [client.send(msg_type, content) for msg_type, content in CONTENTS.items() if msg_type not in ONE_WAY]
        client.request("kernel_info_request")
        client.listen(1)
        self.answered = ALWAYS_ANSWERED | {exchange.type for exchange in asked if exchange.replies}
        client.forget()

    def batch(self, seed, count):
        """Sends the messages that belong to a seed; raises Failed when the kernel is not well afterwards."""
        chance = random.Random(seed)
        maker = RequestMaker(chance, CodeMaker(chance, self.snippets))
        exchanges = []
        for _ in range(count):
            kind = chance.choices(["right", "wrong", "noise"], [5, 8, 1])[0]
            self.sent[kind] += 1
            if kind == "right":
                exchanges.append(self.send_right(chance, maker))
            elif kind == "wrong":
                self.sockets[chance.choice(["shell", "shell", "control", "stdin"])].send_multipart(maker.mutated(self.kernel.client.key))
            else:
                channel = chance.choice(sorted(self.sockets))
                # On iopub the first byte subscribes, unsubscribes, or is nonsense.
                first = bytes([chance.randrange(3)]) if channel == "iopub" else b""
                self.sockets[channel].send_multipart([first + maker.noise(2000) for _ in range(1 if first else chance.randint(1, 8))])
            self.kernel.client.pump(0)
        self.expect_health(exchanges)

    def send_right(self, chance, maker):
        msg_type = chance.choice(["execute_request"] * 6 + sorted(self.answered) + sorted(ONE_WAY))
        channel = "control" if msg_type == "kernel_info_request" and chance.random() < 0.5 else "shell"
        buffers = [maker.noise(100)] if msg_type in ONE_WAY else ()
        return self.kernel.client.send(msg_type, maker.content(msg_type), channel, buffers)

    def expect_health(self, exchanges):
        kernel, client = self.kernel, self.kernel.client
        try:
            for exchange in exchanges:
                client.finish(exchange, reply=exchange.type not in ONE_WAY)
            client.request("kernel_info_request", channel="control")
            if "hello" in self.snippets:
                expect_equal(client.ok(self.snippets["hello"]).text(), "hello, world\n", "stdout of a harmless cell")
            with client.open_socket(zmq.REQ) as beat:
                beat.connect(client.address("hb"))
                beat.send(b"ping")
                expect(beat.poll(kernel.timeout * 1000) and beat.recv() == b"ping", "the heartbeat does not answer")
        except Failed as failed:
            state = "" if kernel.alive else "; the kernel has ended"
            raise Failed(f"{failed}{state}; its last words: {kernel.last_words()}") from None
        client.forget()
        # What was answered to the wrong ones; nobody reads it.
        for socket in self.sockets.values():
            while socket.poll(0):
                socket.recv_multipart()

    def faults(self):
        """What was wrong with the kernel's messages all the while."""
        names = ["frames", "ids", "parents", "states", "replies", *(f"message.{kind}" for kind in self.observations.seen)]
        return {name: found for name in names if (found := self.observations.faults(name))}

    def close(self):
        for socket in self.sockets.values():
            socket.close(linger=0)
        self.kernel.close()
