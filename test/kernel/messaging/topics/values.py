"""How values are shown, updated and cleared."""

from kernel_under_test import TIMEOUT
from scenario import scenario


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
