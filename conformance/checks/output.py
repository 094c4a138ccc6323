"""What running code publishes: streams, displays, their order and their volume."""

from ..check import BEYOND, OPTIONAL, REQUIRED, check, expect, expect_equal


@check("output.stdout", REQUIRED, "streams-stdout-stderr-etc", needs="hello")
def stdout(kernel, snippets):
    """Printed text arrives on the stream stdout."""
    done = kernel.client.ok(snippets["hello"])
    expect_equal(done.text("stdout"), "hello, world\n", "stdout")
    expect_equal(done.text("stderr"), "", "stderr")


@check("output.stderr", REQUIRED, "streams-stdout-stderr-etc", needs="stderr")
def stderr(kernel, snippets):
    """Text printed as an error arrives on the stream stderr."""
    done = kernel.client.ok(snippets["stderr"])
    expect_equal(done.text("stderr"), "oops\n", "stderr")
    expect_equal(done.text("stdout"), "", "stdout")


@check("output.unicode", REQUIRED, "streams-stdout-stderr-etc", needs="unicode")
def unicode(kernel, snippets):
    """Characters outside the basic plane survive, in the code and in the output."""
    done = kernel.client.ok(snippets["unicode"])
    expect_equal(done.text(), "\U0001f600 žluťoučký \U0001d4b3\n", "stdout")
    expect_equal([content["code"] for content in done.of("execute_input")], [snippets["unicode"]], "execute_input")


@check("output.display", OPTIONAL, "display-data", needs="display")
def display(kernel, snippets):
    """Code displays a MIME bundle."""
    shown = kernel.client.ok(snippets["display"]["code"]).of("display_data")
    expect_equal(len(shown), 1, "number of display_data")
    expect(snippets["display"]["mime"] in shown[0]["data"], f"no {snippets['display']['mime']}: {list(shown[0]['data'])}")


@check("output.update_display", OPTIONAL, "update-display-data", needs="update_display")
def update_display(kernel, snippets):
    """A display with an id is updated under this id, also from a later execution."""
    texts = snippets["update_display"]
    (first,) = kernel.client.ok(texts["show"]).of("display_data") or [None]
    expect(first is not None, "no display_data")
    name = first.get("transient", {}).get("display_id")
    expect(name, "the first display has no display_id")
    updates = kernel.client.ok(texts["update"]).of("update_display_data")
    expect_equal([update["transient"]["display_id"] for update in updates], [name], "display_id of the updates")
    expect(updates[0]["data"] != first["data"], "the update shows the same as before")


@check("output.clear", OPTIONAL, "clear-output", needs="clear_output")
def clear(kernel, snippets):
    """Code clears its output, at once or when the next arrives."""
    for wait, code in ((False, snippets["clear_output"]["now"]), (True, snippets["clear_output"]["wait"])):
        expect_equal(kernel.client.ok(code).of("clear_output"), [{"wait": wait}], "clear_output")


@check("output.order", BEYOND, "kernel-status", needs="interleaved")
def order(kernel, snippets):
    """stdout, stderr and displays arrive in the order in which the code made them."""
    parts = []
    for message in kernel.client.ok(snippets["interleaved"]).outputs:
        kind = message.content["name"] if message.type == "stream" else message.type
        text = message.content.get("text", "")
        # A kernel may cut a stream wherever it likes.
        if text and parts and parts[-1][0] == kind:
            text = parts.pop()[1] + text
        parts.append((kind, text))
    shown = ("display_data", "")
    wanted = [("stdout", "1\n"), ("stderr", "2\n"), shown, ("stdout", "3\n"), shown, ("stderr", "4\n")]
    expect_equal(parts, wanted, "outputs")


@check("output.volume", BEYOND, "kernel-status", needs="lines")
def volume(kernel, snippets):
    """Of 100,000 lines printed in a row none is lost, all are in order and before idle."""
    done = kernel.client.ok(snippets["lines"], timeout=6 * kernel.timeout)
    arrived = done.text().splitlines()
    wrong = next((i for i, line in enumerate(arrived) if line != f"line {i}"), len(arrived))
    expect_equal(wrong, 100_000, f"lines in order, of {len(arrived)} that came")
    expect_equal(done.published[-1].type, "status", "the last message")
    kernel.client.listen(0.2)
    expect_equal(done.published[-1].type, "status", "the last message a moment later")
    return {"messages": len(done.of("stream")), "seconds": round(done.seconds, 2)}


@check("output.large", BEYOND, "streams-stdout-stderr-etc", needs="large")
def large(kernel, snippets):
    """Ten million characters printed at once arrive whole."""
    text = kernel.client.ok(snippets["large"], timeout=6 * kernel.timeout).text()
    expect_equal(text.count("x"), 10_000_000, "characters")


@check("output.late", BEYOND, "kernel-status", needs=("late", "sleep"))
def late(kernel, snippets):
    """What background work prints after its cell's end belongs to that cell, also while another runs."""
    first = kernel.client.ok(snippets["late"])
    second = kernel.client.ok(snippets["sleep"].replace("{ms}", "700").replace("{s}", "0.7"))
    expect_equal(second.text(), "", "stdout of the cell that ran meanwhile")
    expect_equal(first.text(), "late\n", "stdout of the cell that started it")
