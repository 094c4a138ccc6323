"""Several clients of one kernel."""

from ..check import BEYOND, REQUIRED, check, expect, expect_equal


def second_client(kernel, session=None):
    client = kernel.new_client(session)
    kernel.await_ready(client)
    return client


@check("clients.two", REQUIRED, "request-reply", needs="hello")
def two(kernel, snippets):
    """Each of two clients gets the replies to its own requests, and what is published for both."""
    first, second = kernel.client, second_client(kernel)
    try:
        sent = {client: [client.send_execute(snippets["hello"]) for _ in range(5)] for client in (first, second)}
        for client, exchanges in sent.items():
            for exchange in exchanges:
                client.finish(exchange)
                expect_equal(exchange.text(), "hello, world\n", "stdout")
        for client, other in ((first, second), (second, first)):
            client.listen(0.1)
            foreign = {exchange.header["msg_id"] for exchange in sent[other]}
            seen = [message for message in client.others if message.parent_id in foreign]
            expect_equal({m.channel for m in seen}, {"iopub"}, "channels of messages that belong to the other client")
            texts = "".join(m.content["text"] for m in seen if m.type == "stream")
            expect_equal(texts, "hello, world\n" * 5, "the other client's output")
    finally:
        second.close()


@check("clients.question", REQUIRED, "messages-on-the-stdin-router-dealer-channel", needs="input")
def question(kernel, snippets):
    """A question goes to the client whose code asks, and to no other."""
    asking = second_client(kernel)
    try:
        asking.answers = ["Ada"]
        done = asking.ok(snippets["input"]["code"], allow_stdin=True)
        expect_equal(done.text(), "got Ada\n", "stdout")
        kernel.client.listen(0.1)
        expect(all(m.channel != "stdin" for m in kernel.client.others), "the other client was asked")
    finally:
        asking.close()


@check("clients.return", BEYOND, "message-header", needs="hello")
def come_back(kernel, snippets):
    """A client that comes back under its old identity is answered."""
    before = second_client(kernel)
    before.close()
    after = second_client(kernel, before.session)
    try:
        expect_equal(after.ok(snippets["hello"]).text(), "hello, world\n", "stdout")
    finally:
        after.close()


@check("clients.vanish", BEYOND, "request-reply", needs=("sleep", "hello"))
def vanish(kernel, snippets):
    """A client that vanishes while its cell runs leaves the kernel to the others."""
    leaving = second_client(kernel)
    running = leaving.send_execute(snippets["sleep"].replace("{ms}", "300").replace("{s}", "0.3"))
    leaving.wait(lambda: "busy" in running.states, "no busy")
    leaving.close()
    expect_equal(kernel.client.ok(snippets["hello"]).text(), "hello, world\n", "stdout of another client's cell")
