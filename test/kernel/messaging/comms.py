"""Comms as a Jupyter client sees them: both ways, with buffers, while a cell awaits, and their ends.

Usage: python comms.py DIRECTORY
"""

import sys
import time

from kernel_under_test import TIMEOUT, KernelUnderTest

COMMS = 'const comms = (globalThis as any)[Symbol.for("moelab.host")].comms;'
# Answers each message with its data and its buffers, the latter doubled.
ECHO = """
comms.onOpen("echo", (comm: any, opening: any) => {
  console.log("opened with", opening.data.greeting, opening.metadata.version);
  comm.onMessage(({ data, metadata, buffers }: any) => {
    console.log("heard", data.word);
    const doubled = buffers.map((bytes: Uint8Array) => bytes.map((byte) => 2 * byte));
    comm.send({ echo: data.word }, { metadata, buffers: doubled });
  });
  comm.onClose(({ data }: any) => console.log("closed with", data.last));
});"""


class Front:
    """The front end's side."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.session = kernel.client.session

    def send(self, kind, content, metadata=None, buffers=None):
        message = self.session.msg(kind, content, metadata=metadata)
        self.session.send(self.kernel.client.shell_channel.socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def published(self, msg_id, until="idle"):
        """What was published for a message up to `until`, busy and idle left out."""
        found, states = [], []
        while True:
            message = self.kernel.client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") != msg_id:
                self.kernel.others.append(message)
                continue
            if message["msg_type"] != "status":
                found.append(message)
                continue
            states.append(message["content"]["execution_state"])
            if states[-1] == until:
                assert states == ["busy", "idle"], states
                return found

    def start(self, code):
        """Runs a cell that does not end by itself, until it prints; gives its id."""
        msg_id = self.kernel.send(code)
        while True:
            message = self.kernel.client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") != msg_id or message["msg_type"] == "execute_input":
                self.kernel.others.append(message)
            elif message["msg_type"] == "stream":
                return msg_id
            else:
                assert message["msg_type"] == "status", message

    def ask(self, kind, content, **options):
        return self.published(self.send(kind, content, **options))

    def open_comms(self, target=None):
        reply = self.kernel.client.comm_info(target, reply=True, timeout=TIMEOUT)["content"]
        assert reply["status"] == "ok", reply
        return {comm: entry["target_name"] for comm, entry in reply["comms"].items()}


def text(messages, name="stdout"):
    return "".join(
        message["content"]["text"]
        for message in messages
        if message["msg_type"] == "stream" and message["content"]["name"] == name
    )


def of(messages, kind):
    return [message for message in messages if message["msg_type"] == kind]


def from_the_front_end(kernel, front):
    kernel.ok(ECHO)
    opened = front.ask(
        "comm_open",
        {"comm_id": "front", "target_name": "echo", "data": {"greeting": "hello"}},
        metadata={"version": "1.2"},
    )
    assert text(opened) == "opened with hello 1.2\n", opened
    assert front.open_comms() == front.open_comms("echo") == {"front": "echo"}
    assert front.open_comms("other") == {}

    big = bytes(range(256)) * 4096
    heard = front.ask(
        "comm_msg",
        {"comm_id": "front", "data": {"word": "é\U0001d4b3"}},
        metadata={"kept": [1]},
        buffers=[b"\x01\x02", b"", big],
    )
    assert text(heard) == "heard é\U0001d4b3\n", heard
    (answer,) = of(heard, "comm_msg")
    assert answer["content"] == {"comm_id": "front", "data": {"echo": "é\U0001d4b3"}}, answer
    assert answer["metadata"] == {"kept": [1]}, answer
    first, empty, doubled = (bytes(buffer) for buffer in answer["buffers"])
    assert (first, empty) == (b"\x02\x04", b"") and doubled == bytes(2 * byte % 256 for byte in big)

    closed = front.ask("comm_close", {"comm_id": "front", "data": {"last": "bye"}})
    assert text(closed) == "closed with bye\n" and front.open_comms() == {}, closed
    assert front.ask("comm_msg", {"comm_id": "front", "data": {"word": "late"}}) == []


def from_a_cell(kernel, front):
    msg_id = kernel.send(
        """
const mine = comms.open("panel", { a: 1 }, { id: "mine", metadata: { version: "2" }, buffers: [new Uint16Array([258])] });
console.log("between");
mine.send({ b: 2 });
mine.onMessage((message: any) => console.log("panel says", message.data.word));
[comms.open("panel").id !== "mine", mine.closed]"""
    )
    published = front.published(msg_id)
    assert kernel.client.get_shell_msg(timeout=TIMEOUT)["content"]["status"] == "ok"
    kinds = [message["msg_type"] for message in published]
    assert kinds == ["execute_input", "comm_open", "stream", "comm_msg", "comm_open", "execute_result"], kinds
    opening = published[1]
    assert opening["content"] == {"comm_id": "mine", "target_name": "panel", "data": {"a": 1}}, opening
    assert opening["metadata"] == {"version": "2"} and bytes(opening["buffers"][0]) == b"\x02\x01", opening
    assert published[3]["content"] == {"comm_id": "mine", "data": {"b": 2}}
    assert len(front.open_comms("panel")) == 2
    assert text(front.ask("comm_msg", {"comm_id": "mine", "data": {"word": "hi"}})) == "panel says hi\n"

    (closing,) = kernel.ok('mine.close({ why: "done" }); mine.close();').of("comm_close")
    assert closing == {"comm_id": "mine", "data": {"why": "done"}} and "mine" not in front.open_comms()
    failed = kernel.run("mine.send({})")
    assert "is closed" in failed.reply["evalue"], failed.reply
    failed = kernel.run('comms.open("panel", { big: 1n })')
    assert failed.reply["ename"] == "TypeError" and failed.of("comm_open") == [], failed.reply


def errors_are_reported(kernel, front):
    (closing,) = front.ask("comm_open", {"comm_id": "lost", "target_name": "nobody", "data": {}})
    assert closing["msg_type"] == "comm_close" and closing["content"]["comm_id"] == "lost", closing
    kernel.ok(
        """
comms.onOpen("broken", () => { throw new RangeError("cannot take it"); });
comms.onOpen("late", (comm: any) => {
  comm.onMessage(() => { throw new RangeError("first listener"); });
  comm.onMessage(async () => { throw new RangeError("second listener"); });
  comm.onMessage(() => console.log("third listener"));
});"""
    )
    failed = front.ask("comm_open", {"comm_id": "b", "target_name": "broken", "data": {}})
    assert "RangeError: cannot take it" in text(failed, "stderr") and "cell-" in text(failed, "stderr"), failed
    assert len(of(failed, "comm_close")) == 1, failed
    front.ask("comm_open", {"comm_id": "l", "target_name": "late", "data": {}})
    heard = front.ask("comm_msg", {"comm_id": "l", "data": {}})
    errors = text(heard, "stderr")
    assert "first listener" in errors and "second listener" in errors, errors
    assert text(heard) == "third listener\n" and kernel.ok("1 + 1").text == "2"


def while_a_cell_awaits(kernel, front):
    kernel.ok(
        """
let word = "";
let heard: Promise<void>;
comms.onOpen("word", (comm: any) => {
  heard = new Promise((resolve) => comm.onMessage((message: any) => {
    word = message.data.word;
    console.log("listener");
    setTimeout(() => console.log("later"), 20);
    if (word === "last") resolve();
  }));
});"""
    )
    front.ask("comm_open", {"comm_id": "w", "target_name": "word", "data": {}})
    cell = front.start("console.log('begins'); await heard; console.log('goes on with', word);")
    first = front.send("comm_msg", {"comm_id": "w", "data": {"word": "first"}})
    assert text(front.published(first)) == "listener\n"
    last = front.send("comm_msg", {"comm_id": "w", "data": {"word": "last"}})
    done = kernel.collect(cell)
    assert done.stream("stdout") == "goes on with last\n", done.published
    kernel.until_printed(last, "later\n")
    mine = [message for message in kernel.others if message["parent_header"].get("msg_id") == last]
    # What the listener set off belongs to the message, also what comes after its idle.
    assert text(mine) == "listener\nlater\n", mine


def interrupted_listener(kernel, front):
    kernel.ok(
        """
comms.onOpen("busy", (comm: any) => {
  comm.onMessage(({ data }: any) => { if (data.spin) while (true); else console.log("answers"); });
});"""
    )
    front.ask("comm_open", {"comm_id": "s", "target_name": "busy", "data": {}})
    spinning = front.send("comm_msg", {"comm_id": "s", "data": {"spin": True}})
    time.sleep(0.3)
    assert front.open_comms("busy") == {"s": "busy"}, "comm_info waits for the executor"
    kernel.manager.interrupt_kernel()
    assert "interrupted" in text(front.published(spinning), "stderr")
    assert text(front.ask("comm_msg", {"comm_id": "s", "data": {}})) == "answers\n"


def a_flood_is_bounded(kernel, front):
    """Messages wait for those before them to be published; none is lost, and interrupting reaches the waiting code."""
    flood = """
const flood = comms.open("flood");
for (let at = 0; at < 400; at++) flood.send({ at }, { buffers: [new Uint8Array(100_000)] });"""
    sent = kernel.ok(flood).of("comm_msg")
    assert [content["data"]["at"] for content in sent] == list(range(400)), len(sent)


def widgets(kernel, front):
    shown = kernel.ok(
        """import { widgets } from "moelab";
const slider = new widgets.IntSlider({ max: 9 });
slider.on("value", (value) => console.log("listener", value));
slider"""
    )
    (opening,) = shown.of("comm_open")
    (result,) = shown.of("execute_result")
    comm = opening["comm_id"]
    view = result["data"]["application/vnd.jupyter.widget-view+json"]
    assert view == {"version_major": 2, "version_minor": 0, "model_id": comm}, view
    assert result["data"]["text/plain"] == "0 (0 to 9)", result

    # The state is complete before the cell is done, however fast it changed.
    changes = kernel.ok("for (let value = 1; value <= 9; value++) slider.value = value; slider.value = 1;")
    states = [content["data"]["state"] for content in changes.of("comm_msg")]
    assert len(states) < 10 and states[-1] == {"value": 1}, states

    def move(value):
        data = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        return front.ask("comm_msg", {"comm_id": comm, "data": data})

    kernel.others.clear()
    (echo,) = move(2)
    assert echo["content"]["data"]["method"] == "echo_update", echo
    # What listeners print appears in the cell that added them, what follows an await in the cell that awaits.
    cell = front.start(
        """console.log("begins");
async function until(last: number): Promise<void> {
  for (let value = 0; value !== last; console.log("cell", value)) value = await slider.next();
}
await until(4);
console.log("end");"""
    )
    move(3)
    move(4)
    rest = kernel.collect(cell)
    by_cell = {}
    for message in kernel.others:
        if message["msg_type"] == "stream":
            parent = message["parent_header"]["msg_id"]
            by_cell[parent] = by_cell.get(parent, "") + message["content"]["text"]
    assert by_cell.pop(cell, "") + rest.stream("stdout") == "cell 3\ncell 4\nend\n", rest.published
    assert list(by_cell.values()) == ["listener 2\nlistener 3\nlistener 4\n"], by_cell

    # What is captured comes to its place, also when its form takes time, and nothing else does.
    shown = kernel.ok(
        """const out = new widgets.Output();
const key = Symbol.for("Jupyter.display");
const slow = { [key]: async () => { await new Promise((r) => setTimeout(r, 20)); return { "text/plain": "slow" }; } };
out.capture(() => { console.log("inside"); display(slow); });
console.log("outside");
await out.capture(async () => { await new Promise((r) => setTimeout(r, 20)); console.log("later"); });
display(slow);"""
    )
    assert shown.stream("stdout") == "outside\n", shown.published
    assert [content["data"] for content in shown.of("display_data")] == [{"text/plain": "slow"}], shown.published
    assert sorted(kernel.ok("String(out)").text.strip("'").split("\\n")) == ["inside", "later", "slow"]

    # A cell that was interrupted while it awaited its user does not go on when the user acts; listeners do.
    kernel.others.clear()
    cell = front.start("console.log('begins'); await until(6);")
    kernel.manager.interrupt_kernel()
    assert kernel.collect(cell).reply["ename"] == "KernelInterrupt"
    move(5)
    move(6)
    kernel.ok("1")
    late = text(kernel.others)
    assert late == "listener 5\nlistener 6\n", late


def ends(kernel, front):
    before = front.open_comms()
    assert len(before) >= 2, before
    kernel.others.clear()
    crashed = kernel.run("process.kill(process.pid, 'SIGKILL'); while (true);")
    assert crashed.reply["ename"] == "ExecutorDied", crashed.reply
    kernel.ok("1")
    closed = {message["content"]["comm_id"] for message in of(kernel.others, "comm_close")}
    assert closed == set(before), (closed, before)
    assert front.open_comms() == {}

    kernel.ok(COMMS)
    kernel.ok('comms.open("panel");')
    assert len(front.open_comms()) == 1
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=TIMEOUT)
    assert front.open_comms() == {}
    (closing,) = front.ask("comm_open", {"comm_id": "n", "target_name": "echo", "data": {}})
    assert closing["msg_type"] == "comm_close", closing


def main():
    kernel = KernelUnderTest(sys.argv[1])
    front = Front(kernel)
    kernel.ok(COMMS)
    for part in [
        from_the_front_end,
        from_a_cell,
        errors_are_reported,
        while_a_cell_awaits,
        interrupted_listener,
        a_flood_is_bounded,
        widgets,
        ends,
    ]:
        part(kernel, front)
    kernel.shut_down()


if __name__ == "__main__":
    main()
