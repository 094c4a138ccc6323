"""input_request: code asks the person at the client."""

from ..check import OPTIONAL, REQUIRED, check, expect, expect_equal


def ask(kernel, code, answers):
    kernel.client.answers = list(answers)
    return kernel.client.ok(code, allow_stdin=True)


@check("input.answer", OPTIONAL, "messages-on-the-stdin-router-dealer-channel", needs="input")
def answer(kernel, snippets):
    """A question reaches the client that runs the code, with its prompt; the code gets the answer."""
    for value in ("Ada", "", "\U0001f600 two words"):
        done = ask(kernel, snippets["input"]["code"], [value])
        (question,) = done.questions
        expect_equal(question.content, {"prompt": snippets["input"]["prompt"], "password": False}, "input_request")
        expect_equal(done.text(), f"got {value}\n", "stdout")


@check("input.password", OPTIONAL, "messages-on-the-stdin-router-dealer-channel", needs="password")
def password(kernel, snippets):
    """A password is asked for as such, and not shown."""
    done = ask(kernel, snippets["password"]["code"], ["hidden"])
    (question,) = done.questions
    expect_equal(question.content, {"prompt": snippets["password"]["prompt"], "password": True}, "input_request")
    expect_equal(done.text(), "got 6 characters\n", "stdout")


@check("input.refused", REQUIRED, "messages-on-the-stdin-router-dealer-channel", needs="input")
def refused(kernel, snippets):
    """Without allow_stdin no question is sent, and the code ends all the same."""
    done = kernel.client.execute(snippets["input"]["code"], allow_stdin=False)
    kernel.client.listen(0.1)
    expect_equal(len(done.questions), 0, "number of input_requests")


@check("input.interrupted", OPTIONAL, "messages-on-the-stdin-router-dealer-channel", needs=("input", "result"))
def interrupted(kernel, snippets):
    """An interrupt ends code that waits for an answer; a late answer does no harm."""
    client = kernel.client
    asking = client.send_execute(snippets["input"]["code"], allow_stdin=True)
    client.wait(lambda: asking.questions, "no input_request")
    kernel.interrupt()
    client.finish(asking)
    expect_equal(asking.reply["status"], "error", "status")
    client.answer(asking.questions[0], "too late")
    expect_equal(client.result(snippets["result"]["code"]), snippets["result"]["text"], "a result afterwards")
    # The late answer must not answer the next question.
    done = ask(kernel, snippets["input"]["code"], ["in time"])
    expect(done.text() in ("got in time\n", "got too late\n"), f"stdout: {done.text()!r}")
