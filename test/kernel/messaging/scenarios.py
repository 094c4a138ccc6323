"""What a Jupyter client sees of the kernel. Each function is one test; the driver runs all and prints one JSON line each.

Usage: python scenarios.py DIRECTORY [NAME...]
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback

import zmq
from jupyter_client.session import Session
from kernel_under_test import TIMEOUT, KernelUnderTest
from processes import assert_gone, processes_below
from scenario import SCENARIOS, scenario

# Each file of scenarios on a topic of its own.
for topic in sorted(os.listdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "topics"))):
    if topic.endswith(".py"):
        importlib.import_module(f"topics.{topic[:-3]}")


@scenario
def streams(kernel):
    done = kernel.ok('console.log("out", 1); console.error("err"); process.stdout.write("no newline")')
    assert done.stream("stdout") == "out 1\nno newline", done.published
    assert done.stream("stderr") == "err\n", done.published


@scenario
def result(kernel):
    done = kernel.ok("const list = [1, 2, 3];\nlist.map((x) => x * 2)")
    assert done.text == "[ 2, 4, 6 ]"
    (echoed,) = done.of("execute_input")
    (shown,) = done.of("execute_result")
    assert echoed["execution_count"] == shown["execution_count"] == done.reply["execution_count"]
    assert kernel.ok("const only = 1;").of("execute_result") == []
    assert kernel.ok("undefined").of("execute_result") == []
    assert kernel.ok('"text"').text == "'text'"


@scenario
def error_names_cell_and_line(kernel):
    code = "interface Unused { a: number }\n\nfunction fail(x: number): never {\n  throw new RangeError(`bad ${x}`);\n}\nfail(3);"
    failed = kernel.run(code)
    assert failed.reply["status"] == "error"
    assert (failed.reply["ename"], failed.reply["evalue"]) == ("RangeError", "bad 3")
    cell = f"cell-{failed.reply['execution_count']}"
    lines = failed.reply["traceback"]
    assert any(f"at fail ({cell}:4:9)" in line for line in lines), lines
    assert any("throw new RangeError" in line for line in lines), lines
    assert any(f"{cell}:6:1" in line for line in lines), lines
    assert not any("executor" in line or "node:" in line for line in lines), lines
    (error,) = failed.of("error")
    assert error["traceback"] == lines


@scenario
def type_errors_come_before_running(kernel):
    failed = kernel.run('console.log("must not run");\nconst n: number = "text";')
    assert failed.reply["ename"] == "TypeScriptError"
    assert failed.stream("stdout") == ""
    text = "\n".join(failed.reply["traceback"])
    assert ":2:7 - error TS2322" in text and "^" in text and 'const n: number = "text"' in text, text


@scenario
def top_level_await(kernel):
    assert kernel.ok("const awaited = await Promise.resolve(41);\nawaited + 1").text == "42"
    assert kernel.ok("let sum = 0;\nfor await (const x of [1, 2]) sum += x;\nsum").text == "3"


@scenario
def redeclaration(kernel):
    for code in ["const again = 1", "let again = 's'", "function again() { return 1 }", "class again {}", "var again = 5"]:
        kernel.ok(code)
    assert kernel.ok("again").text == "5"
    kernel.ok("let counter = 0; function increment() { counter++; return counter }")
    assert kernel.ok("counter = 100; increment()").text == "101"


@scenario
def variables_of_a_failed_cell_remain(kernel):
    kernel.run('const before = 7; throw new Error("after")')
    assert kernel.ok("before").text == "7"


@scenario
def imports(kernel):
    kernel.ok('import { join, type ParsedPath } from "node:path";\nimport fs from "node:fs";')
    assert kernel.ok('join("a", "b")').text == "'a/b'"
    assert kernel.ok("typeof fs.readFileSync").text == "'function'"
    assert kernel.ok('const os = await import("node:os"); typeof os.cpus').text == "'function'"
    assert kernel.ok('import { twice } from "./local.mjs"; twice(4)').text == "8"
    assert kernel.ok('import data from "./data.json"; data.answer').text == "42"


@scenario
def display_and_update(kernel):
    shown = kernel.ok('display({ "text/html": "<b>1</b>" }, { raw: true, displayId: "d" }); display(7);')
    first, second = shown.of("display_data")
    assert first["data"] == {"text/html": "<b>1</b>"} and first["transient"] == {"display_id": "d"}
    assert second["data"] == {"text/plain": "7"} and second["transient"] == {}
    updated = kernel.ok('display({ "text/html": "<b>2</b>" }, { raw: true, displayId: "d", update: true });')
    (update,) = updated.of("update_display_data")
    assert update["data"] == {"text/html": "<b>2</b>"} and update["transient"] == {"display_id": "d"}


@scenario
def values_show_themselves(kernel):
    code = """
const key = Symbol.for("Jupyter.display");
display({ [key]: async () => { await new Promise((r) => setTimeout(r, 30)); return { "text/plain": "late" } } });
({ [key]: () => ({ data: { "text/markdown": "**x**" }, metadata: { "text/markdown": { a: 1 } } }) })"""
    done = kernel.ok(code)
    assert [content["data"] for content in done.of("display_data")] == [{"text/plain": "late"}]
    (shown,) = done.of("execute_result")
    assert shown["data"] == {"text/markdown": "**x**"} and shown["metadata"] == {"text/markdown": {"a": 1}}


@scenario
def kinds_of_values_have_forms_of_their_own(kernel):
    done = kernel.ok(
        """display.table([{ expert: 0, load: 1.5 }], { columns: ["load"] });
display.html("<b>html</b>");
display.json({ a: 1 }, { expanded: true, displayId: "tree" });
({ $schema: "https://vega.github.io/schema/vega-lite/v6.json", mark: "bar" })"""
    )
    table, html, tree = done.of("display_data")
    assert table["data"]["text/markdown"].startswith("|  | load |"), table
    assert html["data"] == {"text/html": "<b>html</b>", "text/plain": "<b>html</b>"}
    assert tree["metadata"] == {"application/json": {"expanded": True}} and tree["transient"] == {"display_id": "tree"}
    (chart,) = done.of("execute_result")
    assert {"application/vnd.vegalite.v5+json", "text/plain"} <= set(chart["data"])
    failed = kernel.run('display({ "text/plain": 7 as any }, { raw: true })')
    assert failed.reply["ename"] == "TypeError" and 'expected "text/plain"' in failed.reply["evalue"], failed.reply
    reply = kernel.client.complete("display.ta", reply=True, timeout=TIMEOUT)["content"]
    assert reply["matches"] == ["table"], reply


@scenario
def clear_output(kernel):
    assert kernel.ok("clearOutput(true)").of("clear_output") == [{"wait": True}]


@scenario
def outputs_keep_their_order(kernel):
    done = kernel.ok('console.log(1); display(2); console.log(3); display(4); console.log(5);')
    kinds = [kind for kind, _ in done.published if kind in ("stream", "display_data")]
    assert kinds == ["stream", "display_data", "stream", "display_data", "stream"], done.published


@scenario
def completion(kernel):
    kernel.ok("const completeMe = { alpha: 1, beta: 2, alphabet: 3 };")
    reply = kernel.client.complete("completeMe.alp", reply=True, timeout=TIMEOUT)["content"]
    assert reply["status"] == "ok" and set(reply["matches"]) == {"alpha", "alphabet"}, reply
    assert (reply["cursor_start"], reply["cursor_end"]) == (11, 14), reply
    # Cursors count code points: the first string holds one character of two UTF-16 units.
    code = '"\U0001d4b3"; completeMe.be'
    reply = kernel.client.complete(code, len(code), reply=True, timeout=TIMEOUT)["content"]
    assert reply["matches"] == ["beta"] and reply["cursor_end"] == len(code), reply


@scenario
def completion_while_a_cell_runs(kernel):
    msg_id = kernel.send("console.log('begun'); while (true);")
    kernel.until_printed(msg_id, "begun")
    reply = kernel.client.complete("Math.flo", reply=True, timeout=TIMEOUT)["content"]
    assert reply["matches"] == ["floor"], reply
    assert kernel.client.kernel_info(reply=True, timeout=TIMEOUT)["content"]["status"] == "ok"
    kernel.manager.interrupt_kernel()
    assert kernel.collect(msg_id).reply["ename"] == "KernelInterrupt"


@scenario
def inspection(kernel):
    kernel.ok("/** Doubles a number. */\nfunction twofold(x: number): number { return 2 * x }")
    reply = kernel.client.inspect("twofold(3)", 4, reply=True, timeout=TIMEOUT)["content"]
    assert reply["found"] and "function twofold(x: number): number" in reply["data"]["text/plain"], reply
    assert "Doubles a number." in reply["data"]["text/plain"], reply
    reply = kernel.client.inspect("   ", 1, reply=True, timeout=TIMEOUT)["content"]
    assert reply["status"] == "ok" and not reply["found"]


@scenario
def is_complete(kernel):
    for code, status in [("1 + 1", "complete"), ("function f() {", "incomplete"), ("let = = 3", "invalid")]:
        msg_id = kernel.client.is_complete(code)
        reply = kernel.client.get_shell_msg(timeout=TIMEOUT)
        assert reply["parent_header"]["msg_id"] == msg_id
        assert reply["content"]["status"] == status, (code, reply["content"])
        assert status != "incomplete" or reply["content"]["indent"] == "  "


@scenario
def history(kernel):
    for number in range(3):
        kernel.ok(f"'history {number}'")
    kernel.ok("'not kept'", store_history=False)

    def entries(**request):
        return [entry[2] for entry in kernel.client.history(reply=True, timeout=TIMEOUT, **request)["content"]["history"]]

    assert entries(hist_access_type="tail", n=2) == ["'history 1'", "'history 2'"]
    assert entries(hist_access_type="search", pattern="*tory 0*") == ["'history 0'"]
    last = kernel.ok("1").reply["execution_count"]
    assert entries(hist_access_type="range", session=0, start=last - 1, stop=last) == ["'history 2'"]


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


INTERRUPTS = {
    "busy loop": "while (true) {}",
    "busy loop after an await": "await new Promise((r) => setTimeout(r, 10)); while (true) {}",
    "busy timer callback": "setTimeout(() => { while (true) {} }, 10); await new Promise(() => {});",
    "microtask loop": "const again = (): Promise<void> => Promise.resolve().then(again); await again();",
    "pending await": "await new Promise(() => {});",
    "sleeping loop": "while (true) { await new Promise((r) => setTimeout(r, 5)); turns++ }",
}


@scenario
def interrupts_keep_variables(kernel):
    kernel.ok("let kept = 42; let turns = 0;")
    seconds = {}
    for name, code in INTERRUPTS.items():
        seconds[name] = round(kernel.interrupted(code), 3)
        assert kernel.ok("kept").text == "42", name
        assert seconds[name] < 3, seconds
    still = kernel.ok("const before = turns; await new Promise((r) => setTimeout(r, 100)); turns - before").text
    assert still == "0", "an interrupted loop goes on in the background"
    return seconds


@scenario
def termination_leaves_no_mode_behind(kernel):
    kernel.ok('import { torch } from "moelab";\nconst weight = torch.ones([2]).requiresGrad_();')
    count = "torch.collectGarbage();\ntorch.memoryUsage().tensors"
    before = int(kernel.ok(count).text)
    kernel.ok("const fill = () => { for (let i = 0; i < 1000; i++) torch.ones([2]); };")
    loop = "torch.tidy(() => { fill(); torch.tidy(() => { for (;;) torch.tidy(fill); }); })"
    kernel.interrupted(f"torch.noGrad(() => torch.autocast('bfloat16', () => {loop}));", after=1)
    after = int(kernel.ok(count).text)
    # What a terminated call was about to hand over may be lost; what its scopes held may not.
    assert after - before < 100, (before, after)
    shown = kernel.ok("[weight.mul(2).requiresGrad, torch.autocastDtype(), torch.ones([2, 2]).matmul(torch.ones([2, 2])).dtype]")
    assert shown.text == "[ true, null, 'float32' ]", shown.text


@scenario
def interrupted_training_says_how_to_go_on(kernel):
    kernel.ok(
        """import { models, torch, train } from "moelab";
const small = models.moeTransformer({ vocab: 64, dim: 32, layers: 1, heads: 2, contextLength: 16, moe: { experts: 2, topK: 1 } });
const ids = torch.randint(0, 64, [4, 17], { dtype: "int64" });
const batch = () => ({ inputs: ids.slice(1, 0, 16), targets: ids.slice(1, 1, 17) });
const training = train.fit(small, { batch }, { steps: 100_000 });"""
    )
    started = kernel.run("training")
    assert started.reply["status"] == "ok" and started.of("display_data") and not started.of("execute_result")
    msg_id = kernel.send("console.log('begun'); await training")
    kernel.until_printed(msg_id, "begun")
    time.sleep(0.5)
    os.kill(kernel.pid, signal.SIGINT)
    reply = kernel.collect(msg_id).reply
    assert reply["ename"] == "KernelInterrupt" and "await run.resume()" in reply["evalue"], reply
    assert kernel.ok("void training.resume();\n(await training.stop()).step > 0").text == "true"


@scenario
def waiting_for_what_nothing_can_settle(kernel):
    kernel.ok("(await import('node:v8')).setFlagsFromString('--expose-gc');")
    collect = "(await import('node:vm')).runInNewContext('gc')();"
    kernel.interrupted(f"setTimeout(async () => {{ {collect} }}, 50); await new Promise(() => {{}});", after=1)
    assert kernel.ok(f"{collect}\n'alive'").text == "'alive'"


@scenario
def interrupt_by_signal(kernel):
    msg_id = kernel.send("console.log('begun'); while (true) {}")
    kernel.until_printed(msg_id, "begun")
    os.kill(kernel.pid, signal.SIGINT)
    assert kernel.collect(msg_id).reply["ename"] == "KernelInterrupt"


@scenario
def hundred_thousand_lines(kernel):
    done = kernel.ok('for (let i = 0; i < 100_000; i++) console.log("line", i);', timeout=60)
    lines = done.stream("stdout").split("\n")
    assert len(lines) == 100_001 and lines[99_999] == "line 99999", len(lines)
    messages = len(done.of("stream"))
    assert messages <= 20 * done.seconds + 2, (messages, done.seconds)
    return {"messages": messages, "seconds": round(done.seconds, 2)}


@scenario
def endless_printing_is_bounded(kernel):
    def memory():
        total = 0
        for pid in processes_below(kernel.pid):
            with open(f"/proc/{pid}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024
        return total

    before = memory()
    msg_id = kernel.send('while (true) console.log("x".repeat(1000));')
    time.sleep(2)
    grown = memory() - before
    kernel.manager.interrupt_kernel()
    assert kernel.collect(msg_id).reply["ename"] == "KernelInterrupt"
    assert grown < 400, f"{grown} MiB more"
    return {"mebibytes": grown}


@scenario
def updates_in_a_tight_loop_are_few(kernel):
    code = """
const show = (i: number, update: boolean) => display({ "text/plain": String(i) }, { raw: true, displayId: "tight", update });
show(0, false);
for (let i = 1; i <= 10_000; i++) { show(i, true); if (i % 1000 === 0) console.log(i); }"""
    done = kernel.ok(code)
    updates = done.of("update_display_data")
    assert updates[-1]["data"] == {"text/plain": "10000"}, updates[-1]
    assert len(updates) <= 20 * done.seconds + 12, (len(updates), done.seconds)
    assert done.stream("stdout") == "".join(f"{i}\n" for i in range(1000, 10_001, 1000)), done.published


@scenario
def any_bytes_of_a_child_are_shown(kernel):
    code = r"""
import { execSync } from "node:child_process";
execSync("printf 'a\\rb\\n\\377ok\\n\\303'; sleep 0.2; printf '\\251\\360\\237'; sleep 0.2; printf '\\232\\200\\n'", { stdio: "inherit" });"""
    shown = kernel.ok(code).stream("stdout")
    assert shown == "a\rb\n\ufffdok\n\u00e9\U0001f680\n", repr(shown)


@scenario
def native_and_child_output_arrive_in_time(kernel):
    code = """
import { execSync, spawn } from "node:child_process";
import { writeSync } from "node:fs";
execSync("seq 1 20000; echo oops >&2", { stdio: "inherit" });
writeSync(1, "native\\n");"""
    done = kernel.ok(code)
    assert done.stream("stdout") == "".join(f"{i}\n" for i in range(1, 20001)) + "native\n", len(done.stream("stdout"))
    assert done.stream("stderr") == "oops\n"


@scenario
def late_output_belongs_to_its_cell(kernel):
    first = kernel.send("setTimeout(() => console.log('late'), 300); 1")
    kernel.collect(first)
    kernel.ok("await new Promise((r) => setTimeout(r, 50)); console.log('second')")
    third = kernel.ok("await new Promise((r) => setTimeout(r, 500)); console.log('third')")
    assert third.stream("stdout") == "third\n", third.published
    (late,) = [message for message in kernel.others if message["content"].get("text") == "late\n"]
    assert late["parent_header"]["msg_id"] == first


@scenario
def background_work_updates_its_display(kernel):
    first = kernel.send(
        """
import { scheduler, setTimeout as pause } from "node:timers/promises";
display({ "text/plain": "0" }, { raw: true, displayId: "run" });
void (async () => {
  await pause(300);
  await scheduler.yield();
  display({ "text/plain": "1" }, { raw: true, displayId: "run", update: true });
  console.log("trained");
})();"""
    )
    kernel.collect(first)
    kernel.others.clear()
    second = kernel.run("await new Promise((r) => setTimeout(r, 600)); 2")
    assert second.text == "2" and second.stream("stdout") == "", second.published
    updates = [message for message in kernel.others if message["msg_type"] == "update_display_data"]
    assert [message["content"]["transient"] for message in updates] == [{"display_id": "run"}], kernel.others
    (printed,) = [message for message in kernel.others if message["content"].get("text") == "trained\n"]
    assert {message["parent_header"]["msg_id"] for message in [*updates, printed]} == {first}


@scenario
def comms_and_kernel_info(kernel):
    assert kernel.client.comm_info(reply=True, timeout=TIMEOUT)["content"] == {"status": "ok", "comms": {}}
    info = kernel.client.kernel_info(reply=True, timeout=TIMEOUT)["content"]
    assert info["status"] == "ok" and info["protocol_version"] == "5.5" and "kernel subshells" in info["supported_features"]
    assert info["language_info"]["name"] == "typescript" and info["language_info"]["file_extension"] == ".ts"
    message = kernel.client.session.msg("kernel_info_request")
    kernel.client.control_channel.send(message)
    reply = kernel.client.get_control_msg(timeout=TIMEOUT)
    assert reply["msg_type"] == "kernel_info_reply" and reply["parent_header"]["msg_id"] == message["header"]["msg_id"]


@scenario
def heartbeat_and_welcome(kernel):
    info = kernel.manager.get_connection_info()
    context = zmq.Context.instance()
    with context.socket(zmq.REQ) as beat:
        beat.connect(f"tcp://{info['ip']}:{info['hb_port']}")
        beat.send(b"ping")
        assert beat.poll(3000) and beat.recv() == b"ping"
    with context.socket(zmq.SUB) as iopub:
        iopub.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
        iopub.subscribe(b"")
        assert iopub.poll(3000)
        _, message = Session(key=info["key"]).feed_identities(iopub.recv_multipart())
        welcome = Session(key=info["key"]).deserialize(message)
        assert welcome["msg_type"] == "iopub_welcome" and welcome["content"] == {"subscription": ""}, welcome


@scenario
def forged_and_repeated_messages_are_ignored(kernel):
    info = kernel.manager.get_connection_info()
    genuine = Session(key=info["key"])
    with zmq.Context.instance().socket(zmq.DEALER) as shell:
        shell.connect(f"tcp://{info['ip']}:{info['shell_port']}")
        forged = Session(key=b"another key")
        shell.send_multipart(forged.serialize(forged.msg("kernel_info_request")))
        assert not shell.poll(500), "a forged message was answered"
        frames = genuine.serialize(genuine.msg("kernel_info_request"))
        shell.send_multipart(frames)
        assert shell.poll(5000), "a genuine message was not answered"
        shell.recv_multipart()
        shell.send_multipart(frames)
        assert not shell.poll(500), "a repeated message was answered"
        shell.send_multipart([b"<IDS|MSG>", b"", b"{"])
    assert kernel.ok("1").text == "1"


def crash(kernel, name):
    kernel.ok("let lost = 1;")
    number = getattr(signal, name).value
    code = f"""
import {{ writeSync }} from "node:fs";
writeSync(2, "last words of native code\\n");
process.kill(process.pid, {number});
while (true);"""
    died = kernel.run(code)
    assert died.reply["ename"] == "ExecutorDied", died.reply
    text = "\n".join(died.reply["traceback"])
    assert name in text and "last words of native code" in text and "variables are lost" in text, text
    assert kernel.ok("1 + 1").text == "2"
    assert kernel.run("lost").reply["ename"] == "TypeScriptError"


@scenario
def killed_executor(kernel):
    crash(kernel, "SIGKILL")


@scenario
def segmentation_fault(kernel):
    crash(kernel, "SIGSEGV")


@scenario
def process_exit(kernel):
    exited = kernel.run("process.exit(3)")
    assert exited.reply["ename"] == "ExecutorDied" and "process.exit(3)" in exited.reply["evalue"], exited.reply
    assert kernel.ok("'back'").text == "'back'"


@scenario
def restart(kernel):
    kernel.ok("const gone = 1;")
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=TIMEOUT)
    after = kernel.run("gone")
    assert after.reply["ename"] == "TypeScriptError" and after.reply["execution_count"] == 1, after.reply


@scenario
def shutdown_leaves_nothing(kernel):
    kernel.ok('import { spawn } from "node:child_process"; spawn("sleep", ["1000"]);')
    pids = processes_below(kernel.pid)
    assert len(pids) >= 3, pids
    kernel.shut_down()
    assert_gone(pids)


def main():
    directory, *names = sys.argv[1:]
    kernel = KernelUnderTest(directory)
    for name in names or SCENARIOS:
        start = time.monotonic()
        outcome = {"name": name}
        try:
            outcome["figures"] = SCENARIOS[name](kernel)
        except Exception:
            outcome["fault"] = traceback.format_exc()
        outcome["seconds"] = round(time.monotonic() - start, 2)
        print(json.dumps(outcome), flush=True)
    if "shutdown_leaves_nothing" not in (names or SCENARIOS):
        kernel.shut_down()


if __name__ == "__main__":
    main()
