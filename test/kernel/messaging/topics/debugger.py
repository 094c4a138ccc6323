"""The debugger: the Debug Adapter Protocol in Jupyter's messages, as JupyterLab uses it."""

import os
import signal
import time
from contextlib import contextmanager
from queue import Empty

from jupyter_client.blocking import BlockingKernelClient
from kernel_under_test import TIMEOUT
from processes import assert_gone, command_of, processes_below
from scenario import scenario


class Debugger:
    """A client of its own, which only debugs."""

    def __init__(self, kernel):
        self.client = BlockingKernelClient(connection_file=kernel.manager.connection_file)
        self.client.load_connection_file()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)
        self.seq = 0

    def request(self, command, **arguments):
        """The response, whether it was a success or not."""
        self.seq += 1
        content = {"type": "request", "seq": self.seq, "command": command, "arguments": arguments}
        message = self.client.session.msg("debug_request", content)
        self.client.control_channel.send(message)
        while True:
            reply = self.client.get_control_msg(timeout=TIMEOUT)
            if reply["parent_header"]["msg_id"] == message["header"]["msg_id"]:
                break
        assert reply["msg_type"] == "debug_reply", reply
        response = reply["content"]
        assert response["type"] == "response" and response["command"] == command, response
        assert response["request_seq"] == self.seq, response
        return response

    def ask(self, command, **arguments):
        response = self.request(command, **arguments)
        assert response["success"], response
        return response["body"]

    def event(self, *names):
        """The next event of one of these names."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.5)
            except Empty:
                continue
            if message["msg_type"] == "debug_event" and message["content"]["event"] in names:
                return message["content"]
        raise TimeoutError(f"no event {names} within {TIMEOUT} s")

    def start(self):
        body = self.ask("initialize", clientID="test", linesStartAt1=True, columnsStartAt1=True)
        self.ask("attach")
        return body

    def break_at(self, code, *lines):
        path = self.ask("dumpCell", code=code)["sourcePath"]
        return self.ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines])["breakpoints"]

    def stopped(self):
        """The event and the frames of the next stop."""
        event = self.event("stopped")["body"]
        frames = self.ask("stackTrace", threadId=event["threadId"])["stackFrames"]
        return event, frames

    def scopes(self, frame):
        """Scope → name → variable."""
        return {
            scope["name"]: self.open(scope["variablesReference"])
            for scope in self.ask("scopes", frameId=frame["id"])["scopes"]
        }

    def open(self, reference, **paging):
        variables = self.ask("variables", variablesReference=reference, **paging)["variables"]
        return {variable["name"]: variable for variable in variables}

    def go(self, command="continue"):
        self.ask(command, threadId=1)

    def close(self):
        self.request("disconnect", restart=False, terminateDebuggee=False)
        self.client.stop_channels()


@contextmanager
def debugger(kernel, start=True):
    opened = Debugger(kernel)
    try:
        if start:
            opened.start()
        yield opened
    finally:
        opened.close()


def lines(frames):
    return [(frame["name"], frame["line"]) for frame in frames]


def values(variables):
    return {name: variable["value"] for name, variable in variables.items()}


@scenario
def debugger_is_announced(kernel):
    info = kernel.client.kernel_info(reply=True, timeout=TIMEOUT)["content"]
    assert info["debugger"] is True and "debugger" in info["supported_features"], info
    assert kernel.manager.kernel_spec.metadata["debugger"] is True
    with debugger(kernel, start=False) as debug:
        told = debug.ask("debugInfo")
        assert told["isStarted"] is False and told["breakpoints"] == [] and told["stoppedThreads"] == [], told
        # Clients compute the path by themselves: MurmurHash2 of the code.
        path = debug.ask("dumpCell", code="const é = 1;")["sourcePath"]
        assert path == f"{told['tmpFilePrefix']}{murmur2('const é = 1;', told['hashSeed'])}{told['tmpFileSuffix']}"
        refused = debug.request("stackTrace", threadId=1)
        assert refused["success"] is False and "initialize" in refused["message"], refused
        assert debug.request("nonsense")["success"] is False
        assert "exceptionBreakpointFilters" in debug.start()
        assert debug.ask("debugInfo")["isStarted"] is True
        assert debug.ask("source", source={"path": path})["content"] == "const é = 1;"


def murmur2(text, seed):
    """As ipykernel and JupyterLab have it."""
    from ipykernel.compiler import murmur2_x86

    return murmur2_x86(text, seed)


STEPS = """interface Unused {
  a: number;
}
type Also = string;
let stepped: number = 40;
const halve = (n: number): number => n / 2;
stepped = stepped + 1;
stepped = halve(stepped);
stepped"""


@scenario
def debugger_stops_steps_and_shows(kernel):
    with debugger(kernel) as debug:
        # The second is on a type, which moves to the next line with code.
        (first, moved) = debug.break_at(STEPS, 7, 2)
        assert first["verified"] and first["line"] == 7, first
        assert moved["verified"] and moved["line"] == 5, moved
        assert [b["line"] for b in debug.ask("debugInfo")["breakpoints"][0]["breakpoints"]] == [7, 5]
        running = kernel.send(STEPS)
        event, frames = debug.stopped()
        assert event["reason"] == "breakpoint" and event["allThreadsStopped"], event
        assert [line for _, line in lines(frames)] == [5], frames
        debug.go()
        event, frames = debug.stopped()
        assert [line for _, line in lines(frames)] == [7], frames
        assert frames[0]["name"].startswith("cell-"), frames
        assert debug.ask("source", source=frames[0]["source"])["content"] == STEPS
        assert debug.ask("debugInfo")["stoppedThreads"] == [1]
        stepped = debug.scopes(frames[0])["Globals"]["stepped"]
        assert stepped["value"] == "40", stepped
        debug.go("next")
        event, frames = debug.stopped()
        assert event["reason"] == "step" and frames[0]["line"] == 8, (event, frames)
        assert debug.scopes(frames[0])["Globals"]["stepped"]["value"] == "41"
        debug.go("stepIn")
        _, frames = debug.stopped()
        assert lines(frames)[0] == ("halve", 6) and lines(frames)[1][1] == 8, frames
        assert debug.scopes(frames[0])["Locals"]["n"]["value"] == "41"
        evaluated = debug.ask("evaluate", expression="(n as number) * 2 satisfies number", frameId=frames[0]["id"], context="repl")
        assert evaluated["result"] == "82", evaluated
        failed = debug.request("evaluate", expression="nowhere", frameId=frames[0]["id"])
        assert not failed["success"] and "nowhere" in failed["message"], failed
        debug.ask("evaluate", expression="n = 100", frameId=frames[0]["id"], context="repl")
        # New numbers, or a client would go on showing what it knows.
        renewed = debug.ask("stackTrace", threadId=1)["stackFrames"]
        assert renewed[0]["id"] != frames[0]["id"]
        assert debug.scopes(renewed[0])["Locals"]["n"]["value"] == "100"
        debug.go("stepOut")
        _, frames = debug.stopped()
        assert frames[0]["line"] in (8, 9), frames
        debug.go()
        debug.event("continued")
        assert kernel.collect(running).text == "50"
        assert debug.ask("debugInfo")["stoppedThreads"] == []
        stale = debug.request("scopes", frameId=frames[0]["id"])
        assert not stale["success"] and "gone on" in stale["message"], stale


@scenario
def debugger_stops_in_earlier_and_asynchronous_functions(kernel):
    earlier = "type Gate = { k: number };\nfunction gateOf(k: number): Gate {\n  const gate = { k };\n  return gate;\n}"
    kernel.ok(earlier)
    with debugger(kernel) as debug:
        debug.break_at(earlier, 4)
        running = kernel.send("const made = gateOf(3);\nmade.k")
        _, frames = debug.stopped()
        assert lines(frames)[0] == ("gateOf", 4) and lines(frames)[1][1] == 1, frames
        assert debug.ask("source", source=frames[0]["source"])["content"] == earlier
        local = debug.scopes(frames[0])["Locals"]
        assert values(debug.open(local["gate"]["variablesReference"]))["k"] == "3", local
        debug.ask("setVariable", variablesReference=local["gate"]["variablesReference"], name="k", value="4 as number")
        debug.go()
        assert kernel.collect(running).text == "4"

        later = "type T = number;\nasync function late(x: T): Promise<T> {\n  await new Promise((r) => setTimeout(r, 10));\n  const y = x + 1;\n  return y;\n}\nconst awaited: T = await late(1);\nawaited"
        debug.break_at(later, 5, 8)
        running = kernel.send(later)
        _, frames = debug.stopped()
        assert lines(frames)[0] == ("late", 5), frames
        assert values(debug.scopes(frames[0])["Locals"])["y"] == "2"
        debug.go()
        _, frames = debug.stopped()
        assert frames[0]["line"] == 8 and debug.scopes(frames[0])["Globals"]["awaited"]["value"] == "2", frames
        debug.go()
        assert kernel.collect(running).text == "2"

        running = kernel.send("for (let i = 0; i < 2; i++) {\n  debugger;\n}")
        for turn in ("0", "1"):
            _, frames = debug.stopped()
            assert frames[0]["line"] == 2, frames
            assert values(debug.scopes(frames[0])["Locals"]) == {"i": turn}
            debug.go()
        assert kernel.collect(running).reply["status"] == "ok"


@scenario
def debugger_opens_values(kernel):
    with debugger(kernel) as debug:
        code = """import { torch } from "moelab";
let ran = 0;
class Gate { #hidden = 1; k = 2; get risky(): number { ran++; return 7; } }
const gate = new Gate(), list = Array.from({ length: 250 }, (_, i) => i * 2);
const map = new Map<string, unknown>([["a", { deep: true }]]), tensor = torch.ones([2, 3]);
const escape = "shadowed", text = "line\\nline";
debugger;"""
        running = kernel.send(code)
        _, frames = debug.stopped()
        found = debug.scopes(frames[0])["Globals"]
        assert found["tensor"]["value"] == "[2, 3] float32 cpu" and "[2, 3]" in found["tensor"]["type"], found["tensor"]
        opened = values(debug.open(found["tensor"]["variablesReference"]))
        assert (opened["shape"], opened["dtype"], opened["device"], opened["bytes"]) == ("[2, 3]", "float32", "cpu", "24"), opened
        pages = debug.open(found["list"]["variablesReference"])
        assert list(pages) == ["0 … 99", "100 … 199", "200 … 249"], pages
        assert debug.open(pages["200 … 249"]["variablesReference"])["249"]["value"] == "498"
        assert found["list"]["indexedVariables"] == 250
        paged = debug.open(found["list"]["variablesReference"], filter="indexed", start=10, count=2)
        assert values(paged) == {"10": "20", "11": "22"}, paged
        inside = debug.open(found["map"]["variablesReference"])
        deep = values(debug.open(inside["a"]["variablesReference"]))
        assert deep == {"deep": "true"}, deep
        members = values(debug.open(found["gate"]["variablesReference"]))
        assert members["#hidden"] == "1" and members["k"] == "2", members
        assert found["escape"]["value"] == '"shadowed"' and found["text"]["value"] == '"line\\nline"'
        assert debug.ask("evaluate", expression="escape", frameId=frames[0]["id"])["result"] == '"shadowed"'
        hovered = debug.request("evaluate", expression="gate.risky", frameId=frames[0]["id"], context="hover")
        assert not hovered["success"], hovered
        rich = debug.ask("richInspectVariables", variableName="tensor", frameId=frames[0]["id"])
        assert "text/plain" in rich["data"], rich
        copied = "function outer() {\n  const inner = { found: 5 };\n  debugger;\n}\nouter();"
        debug.go()
        assert kernel.collect(running).reply["status"] == "ok"
        assert kernel.ok("ran").text == "0"
        running = kernel.send(copied)
        _, frames = debug.stopped()
        debug.ask("copyToGlobals", srcVariableName="inner", dstVariableName="kept", srcFrameId=frames[0]["id"])
        assert debug.scopes(frames[0])["Globals"]["kept"]["type"] == "Object"
        debug.go()
        assert kernel.collect(running).reply["status"] == "ok"
        assert kernel.ok("kept.found").text == "5"


@scenario
def debugger_pauses_on_exceptions(kernel):
    with debugger(kernel) as debug:
        debug.ask("setExceptionBreakpoints", filters=["uncaught"])
        for code, line in (
            ("type A = 1;\nthrow new RangeError('top');", 2),
            ("type A = 1;\nawait 1;\nthrow new RangeError('after');", 3),
            ("async function fails() {\n  await 1;\n  throw new RangeError('async');\n}\nawait fails();", 3),
            ("function fails(): never {\n  throw new RangeError('inside');\n}\nfails();", 2),
        ):
            running = kernel.send(code)
            event, frames = debug.stopped()
            assert event["reason"] == "exception" and "RangeError" in event["text"], event
            assert frames[0]["line"] == line, frames
            info = debug.ask("exceptionInfo", threadId=1)
            assert info["exceptionId"] == "RangeError", info
            debug.go()
            assert kernel.collect(running).reply["ename"] == "RangeError"
        caught = "async function failing() {\n  await 1;\n  throw new Error('x');\n}\ntry { await failing(); } catch {}\ntry { throw new Error('y'); } catch {}"
        assert kernel.ok(caught)
        debug.ask("setExceptionBreakpoints", filters=["all"])
        running = kernel.send("try {\n  throw new Error('y');\n} catch {}")
        _, frames = debug.stopped()
        assert frames[0]["line"] == 2, frames
        debug.ask("setExceptionBreakpoints", filters=[])
        debug.go()
        assert kernel.collect(running).reply["status"] == "ok"


@scenario
def debugger_survives_interrupts(kernel):
    with debugger(kernel) as debug:
        code = "let reached = 1;\ndebugger;\nreached = 2;"
        running = kernel.send(code)
        debug.stopped()
        kernel.manager.interrupt_kernel()
        debug.event("continued")
        assert kernel.collect(running).reply["ename"] == "KernelInterrupt"
        assert kernel.ok("reached").text == "1"
        # Endless code in an expression ends, too.
        running = kernel.send(code)
        _, frames = debug.stopped()
        endless = debug.request("evaluate", expression="(() => { while (true) {} })()", frameId=frames[0]["id"])
        assert not endless["success"] and "ended after" in endless["message"], endless
        # A client that goes leaves a cell that stands; the next one learns of it.
        other = Debugger(kernel)
        assert other.ask("debugInfo")["stoppedThreads"] == [1]
        assert other.ask("stackTrace", threadId=1)["stackFrames"][0]["line"] == 2
        # Switched off, it lets the cell go on.
        other.close()
        assert kernel.collect(running).reply["status"] == "ok"
        assert kernel.ok("reached").text == "2"


@scenario
def debugger_stops_in_imported_files(kernel):
    name = os.path.join(kernel.ok("process.cwd()").text.strip("'"), "routing.ts")
    text = "type Scores = number[];\n\nexport const started: Scores = [3, 1];\nexport function best(scores: Scores): number {\n  const most = Math.max(...scores);\n  return scores.indexOf(most);\n}\n"
    with open(name, "w") as file:
        file.write(text)
    with debugger(kernel) as debug:
        # The first on what runs as soon as the file is loaded.
        debug.ask("setBreakpoints", source={"path": name}, breakpoints=[{"line": 3}, {"line": 6}])
        running = kernel.send('import { best, started } from "./routing.js";\nbest(started)')
        _, frames = debug.stopped()
        assert (frames[0]["line"], frames[0]["source"]["path"]) == (3, name), frames
        assert debug.ask("source", source=frames[0]["source"])["content"] == text
        assert name in [module["path"] for module in debug.ask("modules")["modules"]]
        debug.go()
        _, frames = debug.stopped()
        assert lines(frames)[0] == ("best", 6) and lines(frames)[1][1] == 2, frames
        assert values(debug.scopes(frames[0])["Locals"])["most"] == "3"
        debug.go()
        assert kernel.collect(running).text == "0"


@scenario
def debugger_pauses_a_busy_cell(kernel):
    with debugger(kernel) as debug:
        running = kernel.send("let laps: number = 0;\nwhile (laps >= 0) {\n  laps++;\n}\nlaps")
        deadline = time.monotonic() + TIMEOUT
        while "laps" not in {v["name"] for v in debug.ask("inspectVariables")["variables"] if v["value"] not in ("0", "undefined", "not yet initialised")}:
            assert time.monotonic() < deadline
        debug.go("pause")
        event, frames = debug.stopped()
        assert event["reason"] == "pause" and frames[0]["line"] in (2, 3), (event, frames)
        scopes = debug.ask("scopes", frameId=frames[0]["id"])["scopes"]
        (reference,) = [scope["variablesReference"] for scope in scopes if scope["name"] == "Globals"]
        debug.ask("setVariable", variablesReference=reference, name="laps", value="-10 as number")
        debug.go()
        assert int(kernel.collect(running).text) < 0


@scenario
def debugger_is_restarted_where_a_cell_stands(kernel):
    with debugger(kernel) as debug:
        code = "let before = 1;\nbefore = 2;"
        debug.break_at(code, 2)
        kernel.send(code)
        debug.stopped()
        gone = [kernel.pid, executor_of(kernel)]
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=TIMEOUT)
        assert_gone(gone)
        debug.client.wait_for_ready(timeout=TIMEOUT)
        assert debug.ask("debugInfo")["isStarted"] is False
        debug.start()
        debug.break_at(code, 2)
        running = kernel.send(code)
        debug.stopped()
        # An executor that dies under the debugger is replaced; breakpoints hold in the new one, too.
        os.kill(executor_of(kernel), signal.SIGKILL)
        debug.event("continued")
        assert kernel.collect(running).reply["ename"] == "ExecutorDied"
        running = kernel.send(code)
        _, frames = debug.stopped()
        assert frames[0]["line"] == 2, frames
        debug.go()
        assert kernel.collect(running).reply["status"] == "ok"


def executor_of(kernel):
    (executor,) = [pid for pid in processes_below(kernel.pid) if "/executor/main.js" in command_of(pid)]
    return executor


@scenario
def variables_are_inspected_while_a_cell_computes(kernel):
    kernel.ok('import { torch } from "moelab"; const weights = torch.zeros([4, 4]); const plan = { steps: [1, 2] };')
    running = kernel.send("let spins = 0;\nwhile (true) spins++;")
    with debugger(kernel, start=False) as debug:
        deadline = time.monotonic() + TIMEOUT
        while True:
            found = {variable["name"]: variable for variable in debug.ask("inspectVariables")["variables"]}
            if int(found.get("spins", {}).get("value", "0") or 0) > 1000:
                break
            assert time.monotonic() < deadline, found.get("spins")
        start = time.monotonic()
        found = {variable["name"]: variable for variable in debug.ask("inspectVariables")["variables"]}
        seconds = time.monotonic() - start
        assert seconds < 2, seconds
        assert found["weights"]["value"] == "[4, 4] float32 cpu", found["weights"]
        steps = debug.open(found["plan"]["variablesReference"])["steps"]
        assert values(debug.open(steps["variablesReference"])) == {"0": "1", "1": "2"}, steps
        assert debug.ask("richInspectVariables", variableName="plan")["data"]["text/plain"] == "{ steps: [ 1, 2 ] }"
        assert debug.ask("richInspectVariables", variableName="nowhere") == {"data": {}, "metadata": {}}
        assert debug.ask("modules")["modules"] == []
    kernel.manager.interrupt_kernel()
    assert kernel.collect(running).reply["ename"] == "KernelInterrupt"
    return {"seconds": round(seconds, 4)}
