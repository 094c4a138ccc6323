"""Executions that wait for others."""

from ..check import BEYOND, REQUIRED, check, expect, expect_equal


def send_two(kernel, snippets, **options):
    """A failing execution and one that waits behind it."""
    first = kernel.client.send_execute(snippets["slow_error"], **options)
    second = kernel.client.send_execute(snippets["hello"])
    return kernel.client.finish(first), kernel.client.finish(second)


@check("queue.stop_on_error", REQUIRED, "execute", needs=("slow_error", "hello"))
def stop_on_error(kernel, snippets):
    """Behind a failed execution with stop_on_error the queue is answered and not run; a later request runs."""
    first, second = send_two(kernel, snippets)
    expect_equal(first.reply["status"], "error", "status of the failing one")
    expect(second.reply["status"] in ("error", "aborted"), f"the one behind it: {second.reply['status']}")
    expect_equal(second.text(), "", "stdout of the one behind it")
    expect("execution_count" in second.reply, "its reply lacks execution_count")
    expect_equal(kernel.client.ok(snippets["hello"]).text(), "hello, world\n", "stdout of a later one")


@check("queue.go_on", REQUIRED, "execute", needs=("slow_error", "hello"))
def go_on(kernel, snippets):
    """Behind a failed execution without stop_on_error the queue goes on."""
    _, second = send_two(kernel, snippets, stop_on_error=False)
    expect_equal(second.reply["status"], "ok", "status of the one behind it")
    expect_equal(second.text(), "hello, world\n", "its stdout")


@check("queue.order", REQUIRED, "execute", needs="statement")
def order(kernel, snippets):
    """A hundred executions sent at once run one after another, in their order."""
    client = kernel.client
    sent = [client.send_execute(snippets["statement"]) for _ in range(100)]
    for exchange in sent:
        client.finish(exchange, timeout=6 * kernel.timeout)
    counts = [exchange.reply["execution_count"] for exchange in sent]
    expect_equal(counts, list(range(counts[0], counts[0] + 100)), "execution counts")
    for before, after in zip(sent, sent[1:]):
        expect(before.published[-1].at <= after.published[0].at, "one began before the one before it was idle")
    return {"seconds each": round((sent[-1].replies[0].at - sent[0].sent) / 100, 4)}


@check("queue.storm", BEYOND, "request-reply")
def storm(kernel, _snippets):
    """A thousand requests sent at once are all answered."""
    client = kernel.client
    sent = [client.send("kernel_info_request") for _ in range(1000)]
    for exchange in sent:
        client.finish(exchange, timeout=6 * kernel.timeout)
    return {"seconds": round(max(e.replies[0].at for e in sent) - sent[0].sent, 2)}
