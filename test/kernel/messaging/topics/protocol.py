"""The sockets beside the shell, and messages that are not genuine."""

import zmq
from jupyter_client.session import Session
from kernel_under_test import TIMEOUT
from scenario import scenario


@scenario
def comms_and_kernel_info(kernel):
    assert kernel.client.comm_info(reply=True, timeout=TIMEOUT)["content"] == {"status": "ok", "comms": {}}
    info = kernel.client.kernel_info(reply=True, timeout=TIMEOUT)["content"]
    assert info["status"] == "ok" and info["protocol_version"] == "5.5" and "kernel subshells" in info["supported_features"]
    assert info["language_info"]["name"] == "typescript" and info["language_info"]["file_extension"] == ".ts"
    message = kernel.client.session.msg("kernel_info_request")
    kernel.client.control_channel.send(message)
    reply = kernel.client.get_control_msg(timeout=TIMEOUT)
    assert reply["msg_type"] == "kernel_info_reply" and reply["parent_header"]["msg_id"] == message["header"]["msg_id"]


@scenario
def heartbeat_and_welcome(kernel):
    info = kernel.manager.get_connection_info()
    context = zmq.Context.instance()
    with context.socket(zmq.REQ) as beat:
        beat.connect(f"tcp://{info['ip']}:{info['hb_port']}")
        beat.send(b"ping")
        assert beat.poll(3000) and beat.recv() == b"ping"
    with context.socket(zmq.SUB) as iopub:
        iopub.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
        iopub.subscribe(b"")
        assert iopub.poll(3000)
        _, message = Session(key=info["key"]).feed_identities(iopub.recv_multipart())
        welcome = Session(key=info["key"]).deserialize(message)
        assert welcome["msg_type"] == "iopub_welcome" and welcome["content"] == {"subscription": ""}, welcome


@scenario
def forged_and_repeated_messages_are_ignored(kernel):
    info = kernel.manager.get_connection_info()
    genuine = Session(key=info["key"])
    with zmq.Context.instance().socket(zmq.DEALER) as shell:
        shell.connect(f"tcp://{info['ip']}:{info['shell_port']}")
        forged = Session(key=b"another key")
        shell.send_multipart(forged.serialize(forged.msg("kernel_info_request")))
        assert not shell.poll(500), "a forged message was answered"
        frames = genuine.serialize(genuine.msg("kernel_info_request"))
        shell.send_multipart(frames)
        assert shell.poll(5000), "a genuine message was not answered"
        shell.recv_multipart()
        shell.send_multipart(frames)
        assert not shell.poll(500), "a repeated message was answered"
        shell.send_multipart([b"<IDS|MSG>", b"", b"{"])
    assert kernel.ok("1").text == "1"
