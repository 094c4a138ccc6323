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


@check("encryption.curve", OPTIONAL, needs="result", own_kernel=True)
def curve(start, snippets):
    """With an encrypted transport all channels work, and clients without encryption get nothing."""
    with encrypted(start) as kernel:
        client = kernel.client
        expect_equal(client.result(snippets["result"]["code"]), snippets["result"]["text"], "a result")
        client.request("kernel_info_request", channel="control")
        with client.open_socket(zmq.REQ) as beat:
            beat.connect(client.address("hb"))
            beat.send(b"ping")
            expect(beat.poll(kernel.timeout * 1000), "the heartbeat does not answer")
        expect_refused(client)


def expect_refused(client):
    """Sockets without encryption neither get answers nor what is published."""
    sockets = {}
    for channel, kind in {"shell": zmq.DEALER, "control": zmq.DEALER, "hb": zmq.REQ, "iopub": zmq.SUB}.items():
        sockets[channel] = client.open_socket(kind, encrypted=False)
        if channel == "iopub":
            sockets[channel].subscribe(b"")
        sockets[channel].connect(client.address(channel))
    for channel in ("shell", "control", "hb"):
        asked = [b"ping"] if channel == "hb" else encode(client.key, make_header("kernel_info_request", "plain"), {})
        try:
            sockets[channel].send_multipart(asked, zmq.NOBLOCK)
        except zmq.Again:
            pass  # refused already: a socket that has lost its only peer would block for ever
    client.request("kernel_info_request")
    client.listen(0.2)
    answered = [channel for channel, socket in sockets.items() if socket.poll(0)]
    for socket in sockets.values():
        socket.close()
    expect_equal(answered, [], "channels on which a client without encryption got something")
