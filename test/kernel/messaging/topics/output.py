"""Output: all of it, in order, to the cell that it belongs to, in bounded memory."""

import time

from processes import processes_below
from scenario import scenario


@scenario
def outputs_keep_their_order(kernel):
    done = kernel.ok('console.log(1); display(2); console.log(3); display(4); console.log(5);')
    kinds = [kind for kind, _ in done.published if kind in ("stream", "display_data")]
    assert kinds == ["stream", "display_data", "stream", "display_data", "stream"], done.published


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
