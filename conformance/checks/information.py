"""Who the kernel is, and that it is there."""

import zmq

from ..check import OPTIONAL, REQUIRED, Failed, Skipped, check, expect, expect_equal
from ..wire import BadFrames, decode


@check("info.shell", REQUIRED, "kernel-info")
def info_on_shell(kernel, snippets):
    """kernel_info_request is answered on shell, with the language that the description names."""
    info = kernel.client.request("kernel_info_request").reply
    expect_equal(info.get("status"), "ok", "status")
    about = info.get("language_info", {})
    for field, name in {"name": "name", "file_extension": "file_extension"}.items():
        if name in snippets:
            expect_equal(about.get(field), snippets[name], f"language_info.{field}")
    return {"protocol": info.get("protocol_version")}


@check("info.control", OPTIONAL, "id4")
def info_on_control(kernel, _snippets):
    """kernel_info_request is answered on control, too (protocol 5.5)."""
    replies = [kernel.client.request("kernel_info_request", channel=channel).reply for channel in ("shell", "control")]
    # A banner may hold a tip of the day.
    on_shell, on_control = [{name: reply[name] for name in reply if name != "banner"} for reply in replies]
    expect_equal(on_control, on_shell, "the reply on control")


@check("info.features", OPTIONAL, "kernel-info")
def features(kernel, _snippets):
    """supported_features and the deprecated debugger flag agree."""
    info = kernel.info
    if "supported_features" not in info or "debugger" not in info:
        raise Skipped("only one of the two is sent")
    expect_equal(info["debugger"], "debugger" in info["supported_features"], "debugger")


@check("info.connect", OPTIONAL, "connect")
def connect(kernel, _snippets):
    """connect_request (deprecated) is answered with the ports, or left alone."""
    asked = kernel.client.send("connect_request")
    try:
        kernel.client.finish(asked, timeout=2)
    except Failed:
        raise Skipped("the kernel does not answer connect_request, as it may") from None
    for port in ("shell_port", "iopub_port", "stdin_port", "hb_port"):
        expect_equal(asked.reply.get(port), kernel.connection[port], port)


@check("info.heartbeat", REQUIRED, "heartbeat-for-kernels")
def heartbeat(kernel, _snippets):
    """What is sent to the heartbeat comes back, whatever bytes it is."""
    with kernel.client.open_socket(zmq.REQ) as beat:
        beat.connect(kernel.client.address("hb"))
        for ping in (b"ping", b"", bytes(range(256)), b"x" * 100_000):
            beat.send(ping)
            expect(beat.poll(kernel.timeout * 1000), f"no echo of {len(ping)} bytes")
            expect(beat.recv() == ping, f"{len(ping)} bytes came back changed")


@check("info.welcome", OPTIONAL, "welcome-message")
def welcome(kernel, _snippets):
    """A new subscriber is told by iopub_welcome that its subscription is in force (protocol 5.5)."""
    topic = b"conformance-topic"
    with kernel.client.open_socket(zmq.SUB) as iopub:
        iopub.subscribe(topic)
        iopub.connect(kernel.client.address("iopub"))
        if not iopub.poll(2000):
            expect(kernel.protocol < (5, 5), "protocol 5.5 or later is claimed, but no iopub_welcome came")
            raise Skipped(f"no iopub_welcome; protocol {kernel.info.get('protocol_version')} is claimed")
        try:
            message = decode(kernel.client.key, "iopub", iopub.recv_multipart(), 0)
        except BadFrames as fault:
            expect(False, f"the welcome is {fault}")
    expect_equal(message.type, "iopub_welcome", "message type")
    expect_equal(message.content, {"subscription": topic.decode()}, "content")
    expect_equal(message.parent, {}, "parent header")
