"""CURVE encryption of the transport, where the kernelspec claims it."""

import zmq

from ..check import OPTIONAL, Skipped, check, expect, expect_equal
from ..wire import encode, make_header


def encrypted(start):
    """A kernel with an encrypted transport."""
    try:
        return start(transport_encryption="required")
    except (RuntimeError, ValueError) as refused:
        raise Skipped(f"the kernelspec does not claim it: {refused}") from None


@check("encryption.works", OPTIONAL, needs="result", own_kernel=True)
def works(start, snippets):
    """All channels work encrypted."""
    with encrypted(start) as kernel:
        expect_equal(kernel.client.result(snippets["result"]["code"]), snippets["result"]["text"], "a result")
        kernel.client.request("kernel_info_request", channel="control")
        with kernel.client.open_socket(zmq.REQ) as beat:
            beat.connect(kernel.client.address("hb"))
            beat.send(b"ping")
            expect(beat.poll(3000), "the heartbeat does not answer")


@check("encryption.refuses", OPTIONAL, own_kernel=True)
def refuses(start, _snippets):
    """Clients without encryption get nothing, on any channel."""
    with encrypted(start) as kernel:
        sockets = {}
        for channel, kind in {"shell": zmq.DEALER, "control": zmq.DEALER, "hb": zmq.REQ, "iopub": zmq.SUB}.items():
            sockets[channel] = kernel.client.open_socket(kind, encrypted=False)
            if kind == zmq.SUB:
                sockets[channel].subscribe(b"")
            sockets[channel].connect(kernel.client.address(channel))
        for channel in ("shell", "control"):
            sockets[channel].send_multipart(encode(kernel.client.key, make_header("kernel_info_request", "plain"), {}))
        sockets["hb"].send(b"ping")
        kernel.client.request("kernel_info_request")
        for channel, socket in sockets.items():
            answered = socket.poll(200)
            socket.close()
            expect(not answered, f"a client without encryption got something on {channel}")
