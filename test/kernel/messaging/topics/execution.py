"""What a client can ask of an execution, and is asked by it."""

from scenario import scenario


@scenario
def silent_and_uncounted(kernel):
    count = kernel.ok("1").reply["execution_count"]
    silent = kernel.ok("console.log('x'); 5", silent=True)
    assert silent.of("execute_input") == [] and silent.of("execute_result") == []
    assert kernel.ok("2", store_history=False).reply["execution_count"] == count
    assert kernel.ok("3").reply["execution_count"] == count + 1


@scenario
def user_expressions(kernel):
    expressions = kernel.ok("const e = 20;", user_expressions={"good": "e + 1", "bad": "nothing"}).reply["user_expressions"]
    assert expressions["good"]["data"] == {"text/plain": "21"}
    assert expressions["bad"]["status"] == "error" and expressions["bad"]["ename"] == "ReferenceError"


@scenario
def stop_on_error(kernel):
    first = kernel.send('await new Promise((r) => setTimeout(r, 200)); throw new Error("stop")')
    second = kernel.send('console.log("must not run")')
    kernel.collect(first)
    aborted = kernel.collect(second)
    assert aborted.reply["status"] == "error" and aborted.reply["ename"] == "ExecutionAborted", aborted.reply
    assert "execution_count" in aborted.reply and aborted.stream("stdout") == ""
    # A request that comes later runs.
    assert kernel.ok("1").text == "1"
    first = kernel.send('await new Promise((r) => setTimeout(r, 200)); throw new Error("go on")', stop_on_error=False)
    second = kernel.send("'ran'")
    kernel.collect(first)
    assert kernel.collect(second).text == "'ran'"


@scenario
def input_is_asked(kernel):
    done = kernel.ok("const name = prompt('Name? ');\nname", answers=["Ada"])
    assert done.text == "'Ada'"
    assert kernel.ok("confirm('Sure?')", answers=["y"]).text == "true"
    assert kernel.ok("prompt('Nobody?')", allow_stdin=False).text == "null"


@scenario
def input_is_interrupted(kernel):
    assert kernel.interrupted("prompt('never answered')") < 3
    assert kernel.ok("1").text == "1"
