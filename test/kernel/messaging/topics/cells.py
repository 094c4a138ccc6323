"""What cells mean and say: values, errors, imports, declarations."""

from scenario import scenario


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
