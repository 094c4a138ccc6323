"""execute_request: its options, its counter, its reply."""

from ..check import OPTIONAL, REQUIRED, check, expect, expect_equal
from ..exchange import plain_text


@check("execute.result", REQUIRED, "id6", needs="result")
def result(kernel, snippets):
    """The value of an expression is published as execute_result, with a plain text."""
    done = kernel.client.ok(snippets["result"]["code"])
    results = done.of("execute_result")
    expect_equal(len(results), 1, "number of execute_results")
    expect_equal(plain_text(results[0]), snippets["result"]["text"], "text/plain")
    counts = {results[0]["execution_count"], done.reply["execution_count"]}
    counts |= {content["execution_count"] for content in done.of("execute_input")}
    expect_equal(len(counts), 1, "number of different execution counts")


@check("execute.no_result", REQUIRED, "id6", needs="statement")
def no_result(kernel, snippets):
    """A statement has no execute_result."""
    expect_equal(kernel.client.ok(snippets["statement"]).of("execute_result"), [], "execute_results")


@check("execute.empty", REQUIRED, "execute")
def empty(kernel, _snippets):
    """No code, blank code and silent empty code succeed."""
    for code, silent in (("", False), ("  \n\n", False), ("", True)):
        done = kernel.client.ok(code, silent=silent)
        expect_equal([message.type for message in done.outputs], [], f"outputs of {code!r}")


@check("execute.input", REQUIRED, "code-inputs", needs="statement")
def execute_input(kernel, snippets):
    """The code is published as execute_input, unchanged, before its outputs."""
    code = snippets["statement"] + "\n"
    done = kernel.client.ok(code)
    inputs = done.of("execute_input")
    expect_equal([content["code"] for content in inputs], [code], "code of execute_input")
    expect_equal(inputs[0]["execution_count"], done.reply["execution_count"], "execution_count")
    kinds = [message.type for message in done.published]
    expect_equal(kinds[:2], ["status", "execute_input"], "the first two messages")


@check("execute.count", REQUIRED, "execution-counter-prompt-number", needs="statement")
def count(kernel, snippets):
    """The counter grows by one with each stored execution, also by a failed one, and by no other."""
    code = snippets["statement"]
    first = kernel.client.ok(code).reply["execution_count"]
    expect_equal(kernel.client.ok(code).reply["execution_count"], first + 1, "after one execution")
    kernel.client.ok(code, store_history=False)
    kernel.client.ok(code, silent=True)
    expect_equal(kernel.client.ok(code).reply["execution_count"], first + 2, "after a silent and an unstored one")


@check("execute.silent", REQUIRED, "execute", needs="result")
def silent(kernel, snippets):
    """A silent execution publishes neither its code nor its result, and is not stored."""
    done = kernel.client.ok(snippets["result"]["code"], silent=True)
    expect_equal([message.type for message in done.published], ["status", "status"], "published")


@check("execute.user_expressions", REQUIRED, "execute", needs=("define", "user_expressions"))
def user_expressions(kernel, snippets):
    """user_expressions are evaluated after the code; one that fails leaves the others and the reply alone."""
    wanted = snippets["user_expressions"]
    done = kernel.client.ok(snippets["define"], user_expressions={"good": wanted["good"], "bad": wanted["bad"]})
    given = done.reply.get("user_expressions", {})
    expect_equal(sorted(given), ["bad", "good"], "names")
    expect_equal(plain_text(given["good"]), wanted["text"], "the good one's text/plain")
    expect_equal(given["bad"].get("status"), "error", "the bad one's status")
    expect(given["bad"].get("ename"), "the bad one has no ename")


@check("execute.error", REQUIRED, "execution-errors", needs="error")
def error(kernel, snippets):
    """Failing code publishes one error, equal to that in the reply, and no result."""
    wanted = snippets["error"]
    done = kernel.client.execute(wanted["code"])
    expect_equal(done.reply["status"], "error", "status")
    expect_equal([message.type for message in done.outputs], ["error"], "outputs")
    (published,) = done.of("error")
    for name in ("ename", "evalue", "traceback"):
        expect_equal(done.reply.get(name), published[name], f"{name} of the reply")
    expect_equal(published["ename"], wanted["name"], "ename")
    expect(wanted["message"] in published["evalue"], f"evalue lacks {wanted['message']!r}: {published['evalue']!r}")
    expect(published["traceback"], "the traceback is empty")


@check("execute.syntax_error", REQUIRED, "execution-errors", needs="invalid")
def syntax_error(kernel, snippets):
    """Code that cannot be parsed gives an error, too."""
    done = kernel.client.execute(snippets["invalid"][0])
    expect_equal(done.reply["status"], "error", "status")
    expect_equal(len(done.of("error")), 1, "number of error messages")


@check("execute.variables", REQUIRED, "execute", needs=("define", "value", "error"))
def variables(kernel, snippets):
    """Variables live from one execution to the next, also past one that failed."""
    kernel.client.ok(snippets["define"])
    kernel.client.execute(snippets["error"]["code"])
    expect_equal(kernel.client.result(snippets["value"]["code"]), snippets["value"]["text"], "the variable")


@check("execute.pager", OPTIONAL, "payloads-deprecated", needs="pager")
def pager(kernel, snippets):
    """Help that is asked for comes as a payload of the kind `page`, with a plain text."""
    payloads = kernel.client.ok(snippets["pager"]).reply.get("payload", [])
    pages = [payload for payload in payloads if payload.get("source") == "page"]
    expect_equal(len(pages), 1, "number of page payloads")
    expect("text/plain" in pages[0].get("data", {}), "the page has no text/plain")
