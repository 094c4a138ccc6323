"""complete_request and inspect_request."""

from ..check import OPTIONAL, check, expect, expect_equal


def complete(kernel, code, cursor=None):
    cursor = len(code) if cursor is None else cursor
    reply = kernel.client.request("complete_request", {"code": code, "cursor_pos": cursor}).reply
    expect_equal(reply.get("status"), "ok", "status")
    return reply


def expect_matches(reply, code, sample):
    """The matches, put in the code's place between the two cursors, give what the description says."""
    start, end = reply["cursor_start"], reply["cursor_end"]
    expect(0 <= start <= end <= len(code), f"cursors {start} and {end} do not lie in {len(code)} code points")
    completed = {code[:start] + match for match in reply["matches"]}
    wanted = {code[: len(code) - len(sample["typed"])] + match for match in sample["matches"]}
    if sample.get("exact", True):
        expect_equal(completed, wanted, "completed code")
    else:
        expect(wanted <= completed, f"completed code lacks {wanted - completed!r:.200}")
    expect_equal(end, len(code), "cursor_end")


@check("complete.matches", OPTIONAL, "completion", needs="completion")
def matches(kernel, snippets):
    """What was typed is completed to the names that fit."""
    sample = snippets["completion"]
    kernel.client.ok(sample["define"])
    code = sample["before"] + sample["typed"]
    reply = complete(kernel, code)
    expect_matches(reply, code, sample)


@check("complete.codepoints", OPTIONAL, "cursor-pos-and-unicode-offsets", needs=("completion", "astral"))
def codepoints(kernel, snippets):
    """Cursors count code points, also behind characters that take two units of UTF-16."""
    sample = snippets["completion"]
    kernel.client.ok(sample["define"])
    code = snippets["astral"] + sample["before"] + sample["typed"]
    expect_matches(complete(kernel, code), code, sample)


@check("complete.middle", OPTIONAL, "completion", needs="completion")
def middle(kernel, snippets):
    """Completion looks at the cursor, not at the end of the code."""
    sample = snippets["completion"]
    kernel.client.ok(sample["define"])
    code = sample["before"] + sample["typed"]
    reply = complete(kernel, f"{code}\n\n{sample['define']}", len(code))
    expect_matches(reply, code, sample)


@check("complete.nothing", OPTIONAL, "completion", needs="nonsense")
def nothing(kernel, snippets):
    """Where nothing fits, the reply is ok and has no matches; empty code does no harm."""
    expect_equal(complete(kernel, snippets["nonsense"])["matches"], [], "matches")
    complete(kernel, "")


def inspect(kernel, code, cursor, level=0):
    content = {"code": code, "cursor_pos": cursor, "detail_level": level}
    reply = kernel.client.request("inspect_request", content).reply
    expect_equal(reply.get("status"), "ok", "status")
    return reply


def expect_found(reply, sample):
    expect(reply["found"], "nothing was found")
    text = reply["data"].get("text/plain", "")
    for part in sample["contains"]:
        expect(part in text, f"text/plain lacks {part!r}: {text!r:.200}")


@check("inspect.found", OPTIONAL, "introspection", needs="inspection")
def found(kernel, snippets):
    """What is known about a name is told, on both levels of detail."""
    sample = snippets["inspection"]
    kernel.client.ok(sample["define"])
    for level in (0, 1):
        expect_found(inspect(kernel, sample["code"], len(sample["code"]), level), sample)


@check("inspect.codepoints", OPTIONAL, "cursor-pos-and-unicode-offsets", needs=("inspection", "astral"))
def inspect_codepoints(kernel, snippets):
    """Cursors count code points here, too."""
    sample = snippets["inspection"]
    kernel.client.ok(sample["define"])
    code = snippets["astral"] + sample["code"]
    # Counted in UTF-16 units this cursor would lie before the name.
    expect_found(inspect(kernel, code, len(snippets["astral"]) + 1), sample)


@check("inspect.nothing", OPTIONAL, "introspection", needs="nonsense")
def inspect_nothing(kernel, snippets):
    """What is not known is answered with found: false and empty data."""
    for code in (snippets["nonsense"], "   "):
        reply = inspect(kernel, code, 1)
        expect_equal((reply["found"], reply["data"]), (False, {}), f"found and data of {code!r}")
