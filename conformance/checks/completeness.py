"""is_complete_request."""

from ..check import OPTIONAL, check, expect_equal


def expect_status(kernel, samples, status):
    for code in samples:
        reply = kernel.client.request("is_complete_request", {"code": code}).reply
        expect_equal(reply.get("status"), status, f"status of {code!r}")
        expect_equal("indent" in reply, status == "incomplete", f"whether the reply to {code!r} has an indent")


@check("complete_code.complete", OPTIONAL, "code-completeness", needs="complete")
def complete(kernel, snippets):
    """Finished code is complete."""
    expect_status(kernel, snippets["complete"], "complete")


@check("complete_code.incomplete", OPTIONAL, "code-completeness", needs="incomplete")
def incomplete(kernel, snippets):
    """Code that goes on is incomplete, with an indent for the next line."""
    expect_status(kernel, snippets["incomplete"], "incomplete")


@check("complete_code.invalid", OPTIONAL, "code-completeness", needs="invalid")
def invalid(kernel, snippets):
    """Code that nothing can complete is invalid."""
    expect_status(kernel, snippets["invalid"], "invalid")
