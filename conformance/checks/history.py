"""history_request."""

from ..check import OPTIONAL, check, expect, expect_equal


def history(kernel, **content):
    reply = kernel.client.request("history_request", {"output": False, "raw": True, **content}).reply
    expect_equal(reply.get("status"), "ok", "status")
    return reply["history"]


def run_some(kernel, snippets):
    """Two different executions, one of them twice."""
    codes = [snippets["result"]["code"], snippets["statement"], snippets["result"]["code"]]
    for code in codes:
        kernel.client.ok(code)
    return codes


@check("history.tail", OPTIONAL, "history", needs=("result", "statement"))
def tail(kernel, snippets):
    """The last executions come in their order, with or without outputs, without those not stored."""
    codes = run_some(kernel, snippets)
    kernel.client.ok(snippets["hello"], silent=True)
    kernel.client.ok(snippets["hello"], store_history=False)
    entries = history(kernel, hist_access_type="tail", n=3)
    expect_equal([source for _, _, source in entries], codes, "sources")
    lines = [line for _, line, _ in entries]
    expect_equal(lines, list(range(lines[0], lines[0] + 3)), "line numbers")
    with_output = history(kernel, hist_access_type="tail", n=2, output=True)
    expect_equal([source[0] for _, _, source in with_output], codes[1:], "sources beside outputs")


@check("history.range", OPTIONAL, "history", needs=("result", "statement"))
def of_range(kernel, snippets):
    """A range of this session's executions, its stop excluded; session 0 is this one."""
    codes = run_some(kernel, snippets)
    entries = history(kernel, hist_access_type="tail", n=3)
    expect_equal([source for _, _, source in entries], codes, "sources of the tail")
    session, line, _ = entries[0]
    for asked in (session, 0):
        entries = history(kernel, hist_access_type="range", session=asked, start=line, stop=line + 2)
        expect_equal([source for _, _, source in entries], codes[:2], f"sources of session {asked}")


@check("history.search", OPTIONAL, "history", needs=("result", "statement"))
def search(kernel, snippets):
    """A glob finds executions, the last n of them, each once when that is asked."""
    run_some(kernel, snippets)
    run_some(kernel, snippets)
    code = snippets["result"]["code"]
    pattern = f"{code[0]}*{code[-1]}" if code[0] not in "*?[" else "*"
    found = [source for _, _, source in history(kernel, hist_access_type="search", pattern=pattern, n=3)]
    expect_equal(len(found), 3, "number found of three asked for")
    expect(all(source.startswith(code[0]) and source.endswith(code[-1]) for source in found), f"{pattern!r} gave {found}")
    once = [source for _, _, source in history(kernel, hist_access_type="search", pattern=code.replace("*", "?"), unique=True, n=10)]
    expect_equal(once.count(code), 1, "how often the code is there with unique")
