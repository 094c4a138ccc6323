"""debug_request: the Debug Adapter Protocol with Jupyter's additions, as JupyterLab speaks it."""

from contextlib import contextmanager

from ..check import REQUIRED, check, expect, expect_equal

FEATURE = "debugger"


class Debugger:
    """DAP requests of one client."""

    def __init__(self, client):
        self.client = client
        self.sequence = 0

    def ask(self, command, **arguments):
        """The body of the response, which must be a success."""
        self.sequence += 1
        content = {"type": "request", "seq": self.sequence, "command": command, "arguments": arguments}
        response = self.client.request("debug_request", content, "control").reply
        expect_equal(response.get("success"), True, f"success of {command} ({response.get('message')})")
        expect_equal(response.get("request_seq"), self.sequence, f"request_seq of {command}")
        return response.get("body") or {}

    def events(self, name):
        """Bodies of the debug_events of a name so far, whoever caused them."""
        client = self.client
        messages = [m for exchange in client.exchanges.values() for m in exchange.published] + client.others
        found = [m for m in messages if m.type == "debug_event" and m.content.get("event") == name]
        return [m.content.get("body", {}) for m in sorted(found, key=lambda m: m.at)]

    def wait_for(self, name, count=1):
        self.client.wait(lambda: len(self.events(name)) >= count, f"no {name} event")
        return self.events(name)[count - 1]


@contextmanager
def session(kernel):
    debugger = Debugger(kernel.client)
    features = {"supportsVariableType": True, "supportsVariablePaging": True, "linesStartAt1": True}
    debugger.ask("initialize", clientID="conformance", clientName="conformance", adapterID="", pathFormat="path", columnsStartAt1=True, **features)
    debugger.ask("attach")
    try:
        yield debugger
    finally:
        debugger.ask("disconnect", restart=False, terminateDebuggee=False)


@contextmanager
def stopped(kernel, sample):
    """A cell that stopped at a breakpoint; it is continued afterwards and must succeed."""
    with session(kernel) as debugger:
        source = {"path": debugger.ask("dumpCell", code=sample["code"])["sourcePath"]}
        lines = [{"line": sample["line"]}]
        placed = debugger.ask("setBreakpoints", source=source, breakpoints=lines, sourceModified=False)["breakpoints"]
        expect_equal([point.get("verified") for point in placed], [True], "breakpoints verified")
        debugger.ask("configurationDone")
        running = kernel.client.send_execute(sample["code"])
        event = debugger.wait_for("stopped")
        expect_equal(event.get("reason"), "breakpoint", "reason of the stop")
        thread = event["threadId"]
        yield debugger, thread, running, source
        debugger.ask("setBreakpoints", source=source, breakpoints=[], sourceModified=False)
        debugger.ask("continue", threadId=thread)
        expect_equal(kernel.client.finish(running).reply["status"], "ok", "status of the cell")


def top_frame(debugger, thread):
    return debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]


@check("debug.info", REQUIRED, "debuginfo", feature=FEATURE)
def info(kernel, _snippets):
    """debugInfo tells how cells are named, and whether the debugger has been started."""
    debugger = Debugger(kernel.client)
    before = debugger.ask("debugInfo")
    expect_equal(before["isStarted"], False, "isStarted before")
    for name in ("hashMethod", "tmpFilePrefix", "tmpFileSuffix"):
        expect(isinstance(before.get(name), str), f"{name}: expected a string, got {before.get(name)!r}")
    expect_equal((before["breakpoints"], before["stoppedThreads"]), ([], []), "breakpoints and stopped threads")
    with session(kernel):
        expect_equal(debugger.ask("debugInfo")["isStarted"], True, "isStarted meanwhile")
    expect_equal(debugger.ask("debugInfo")["isStarted"], False, "isStarted afterwards")


@check("debug.breakpoint", REQUIRED, "debug-request", feature=FEATURE, needs="debugger")
def breakpoint_stops(kernel, snippets):
    """A cell stops at its breakpoint, tells its frames and variables, and goes on."""
    sample = snippets["debugger"]
    with stopped(kernel, sample) as (debugger, thread, running, source):
        frame = top_frame(debugger, thread)
        expect_equal(frame["line"], sample["line"], "line of the top frame")
        expect_equal(frame["source"]["path"], source["path"], "source of the top frame")
        found = {}
        for scope in debugger.ask("scopes", frameId=frame["id"])["scopes"]:
            if not scope.get("expensive") and "lobal" not in scope["name"]:
                for variable in debugger.ask("variables", variablesReference=scope["variablesReference"])["variables"]:
                    found[variable["name"]] = variable["value"]
        expect_equal(found.get(sample["variable"]), sample["value"], f"the variable {sample['variable']}")
        known = debugger.ask("debugInfo")
        expect(thread in known["stoppedThreads"], f"stoppedThreads of debugInfo lacks it: {known['stoppedThreads']}")
        expect_equal([point["source"] for point in known["breakpoints"]], [source["path"]], "breakpoints of debugInfo")
        expect(not running.replies, "the cell was answered while it stands")


@check("debug.step", REQUIRED, "debug-request", feature=FEATURE, needs="debugger")
def step(kernel, snippets):
    """A stopped cell steps to its next line, and evaluates in its frame."""
    sample = snippets["debugger"]
    with stopped(kernel, sample) as (debugger, thread, _running, _source):
        frame = top_frame(debugger, thread)
        value = debugger.ask("evaluate", expression=sample["variable"], frameId=frame["id"], context="repl")["result"]
        expect_equal(value, sample["value"], "evaluated variable")
        debugger.ask("next", threadId=thread)
        debugger.wait_for("stopped", 2)
        expect_equal(top_frame(debugger, thread)["line"], sample["line"] + 1, "line after the step")


@check("debug.variables", REQUIRED, "inspectvariables", feature=FEATURE, needs=("define", "value"))
def variables(kernel, snippets):
    """inspectVariables lists the variables of the notebook, without a breakpoint."""
    kernel.client.ok(snippets["define"])
    name = snippets["value"]["code"]
    with session(kernel) as debugger:
        listed = {item["name"]: item["value"] for item in debugger.ask("inspectVariables")["variables"]}
        expect_equal(listed.get(name), snippets["value"]["text"], f"value of {name}")


@check("debug.rich_variable", REQUIRED, "richinspectvariables", feature=FEATURE, needs=("define", "value"))
def rich_variable(kernel, snippets):
    """richInspectVariables shows a variable as a MIME bundle, without a breakpoint."""
    kernel.client.ok(snippets["define"])
    with session(kernel) as debugger:
        shown = debugger.ask("richInspectVariables", variableName=snippets["value"]["code"])
        expect("text/plain" in shown.get("data", {}), f"no text/plain: {shown!r:.200}")


@check("debug.running", REQUIRED, "debug-request", feature=FEATURE, needs=("hello", "error"))
def running_under_debugger(kernel, snippets):
    """Cells without breakpoints run, print and fail under a debugger as they do without one."""
    with session(kernel) as debugger:
        debugger.ask("configurationDone")
        expect_equal(kernel.client.ok(snippets["hello"]).text(), "hello, world\n", "stdout")
        expect_equal(kernel.client.execute(snippets["error"]["code"]).reply["ename"], snippets["error"]["name"], "ename")
