"""Comms: messages between a kernel's and a client's halves of an object."""

import uuid

from ..check import OPTIONAL, check, expect, expect_equal

ECHO = "conformance_echo"
FRONT_END = "conformance_front_end"


def open_comm(kernel, target, data=None, buffers=()):
    """The id of a comm that the client opens, and the exchange in which it did."""
    comm_id = uuid.uuid4().hex
    sent = kernel.client.send("comm_open", {"comm_id": comm_id, "target_name": target, "data": data or {}}, buffers=buffers)
    return comm_id, kernel.client.finish(sent, reply=False)


def tell(kernel, comm_id, data, buffers=()):
    sent = kernel.client.send("comm_msg", {"comm_id": comm_id, "data": data}, buffers=buffers)
    return kernel.client.finish(sent, reply=False)


def messages_of(exchange, comm_id):
    found = [m for m in exchange.published if m.type.startswith("comm_")]
    expect_equal({m.content["comm_id"] for m in found}, {comm_id} if found else set(), "comm ids")
    return found


def comms(kernel, **content):
    return kernel.client.request("comm_info_request", content).reply["comms"]


@check("comm.unknown_target", OPTIONAL, "opening-a-comm")
def unknown_target(kernel, _snippets):
    """A comm towards a target that the kernel does not have is closed at once."""
    comm_id, exchange = open_comm(kernel, "no such target")
    expect_equal([m.type for m in messages_of(exchange, comm_id)], ["comm_close"], "messages about the comm")
    expect(comm_id not in comms(kernel), "comm_info lists it")


@check("comm.unknown_comm", OPTIONAL, "comm-messages")
def unknown_comm(kernel, _snippets):
    """Messages for a comm that does not exist do no harm."""
    tell(kernel, "no such comm", {"x": 1})
    kernel.client.finish(kernel.client.send("comm_close", {"comm_id": "no such comm", "data": {}}), reply=False)
    comms(kernel)


@check("comm.echo", OPTIONAL, "custom-messages", needs="comm_echo")
def echo(kernel, snippets):
    """A comm that the client opens carries data and buffers both ways, and is listed until it is closed."""
    kernel.client.ok(snippets["comm_echo"])
    comm_id, opening = open_comm(kernel, ECHO, {"hello": [1, None, "\U0001f600"]})
    greetings = [m.content["data"] for m in messages_of(opening, comm_id)]
    expect_equal(greetings, [{"opened": {"hello": [1, None, "\U0001f600"]}}], "data that came when it opened")
    buffers = [b"", b"\x00\xff\xfe", bytes(range(256)) * 4000]
    (answer,) = messages_of(tell(kernel, comm_id, {"n": 1}, buffers), comm_id) or [None]
    expect(answer is not None, "no answer")
    expect_equal(answer.content["data"], {"echo": {"n": 1}}, "data of the answer")
    expect([bytes(buffer) for buffer in answer.buffers] == buffers, "the buffers came back changed")
    expect_equal(comms(kernel).get(comm_id), {"target_name": ECHO}, "comm_info")
    expect(comm_id in comms(kernel, target_name=ECHO), "comm_info of the target lacks it")
    expect_equal(comms(kernel, target_name="another"), {}, "comm_info of another target")
    kernel.client.finish(kernel.client.send("comm_close", {"comm_id": comm_id, "data": {}}), reply=False)
    expect(comm_id not in comms(kernel), "comm_info lists it after it was closed")


@check("comm.order", OPTIONAL, "comm-messages", needs="comm_echo")
def order(kernel, snippets):
    """Two hundred messages at once are all handled, in their order."""
    client = kernel.client
    client.ok(snippets["comm_echo"])
    comm_id, _ = open_comm(kernel, ECHO)
    sent = [client.send("comm_msg", {"comm_id": comm_id, "data": {"n": n}}) for n in range(200)]
    answers = [messages_of(client.finish(exchange, reply=False), comm_id) for exchange in sent]
    expect_equal([len(found) for found in answers], [1] * 200, "answers of each")
    arrived = sorted((found[0].at, found[0].content["data"]["echo"]["n"]) for found in answers)
    expect_equal([n for _, n in arrived], list(range(200)), "order of the answers")


@check("comm.from_kernel", OPTIONAL, "custom-messages", needs="comm_open")
def from_kernel(kernel, snippets):
    """Code opens a comm towards the client, and is told what the client sends; what it then prints belongs to that message."""
    done = kernel.client.ok(snippets["comm_open"])
    opened = [m for m in done.published if m.type == "comm_open"]
    expect_equal([m.content["target_name"] for m in opened], [FRONT_END], "targets of the comms opened")
    expect_equal(opened[0].content["data"], {"from": "kernel"}, "data of comm_open")
    expect_equal([bytes(buffer) for buffer in opened[0].buffers], [b"\x01\x02\x03"], "buffers of comm_open")
    comm_id = opened[0].content["comm_id"]
    expect(comm_id in comms(kernel), "comm_info lacks it")
    expect_equal(tell(kernel, comm_id, {"value": 5}).text(), "got 5\n", "stdout of the handler")
    kernel.client.finish(kernel.client.send("comm_close", {"comm_id": comm_id, "data": {}}), reply=False)
    expect(comm_id not in comms(kernel), "comm_info lists it after it was closed")


@check("comm.failing_handler", OPTIONAL, "output-side-effects", needs="comm_echo")
def failing_handler(kernel, snippets):
    """A handler that fails leaves the comm and the kernel usable."""
    kernel.client.ok(snippets["comm_echo"])
    comm_id, _ = open_comm(kernel, ECHO)
    expect_equal(messages_of(tell(kernel, comm_id, {"fail": True}), comm_id), [], "answers of a failing handler")
    expect_equal(len(messages_of(tell(kernel, comm_id, {}), comm_id)), 1, "answers afterwards")
