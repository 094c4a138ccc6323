"""nbclient executes a notebook. Usage: python notebook.py DIRECTORY"""

import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

SOURCES = [
    "const xs: number[] = [1, 2, 3];",
    'console.log("sum", xs.reduce((a, b) => a + b));\nconst handle = "h";\ndisplay("first", { displayId: handle });',
    'display("second", { displayId: handle, update: true });\nxs.length',
    "for (let i = 0; i < 5000; i++) console.log(i);",
    'throw new TypeError("expected");',
    "xs.map((x) => x * x)",
]


def execute(sources, **options):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, kernel_name="moelab", timeout=60, resources={"metadata": {"path": sys.argv[1]}}, **options)
    client.execute()
    nbformat.validate(notebook)
    return notebook


cells = execute(SOURCES, allow_errors=True).cells
assert cells[1].outputs[0].text == "sum 6\n", cells[1].outputs
assert cells[1].outputs[1].data == {"text/plain": "'second'"}, cells[1].outputs
assert cells[2].outputs[-1].data == {"text/plain": "3"}, cells[2].outputs
assert "".join(output.text for output in cells[3].outputs) == "".join(f"{i}\n" for i in range(5000))
assert cells[4].outputs[0].ename == "TypeError", cells[4].outputs
assert cells[5].outputs[0].data == {"text/plain": "[ 1, 4, 9 ]"}, cells[5].outputs
assert [cell.execution_count for cell in cells] == [1, 2, 3, 4, 5, 6]
try:
    execute(SOURCES)
except CellExecutionError as failure:
    assert failure.ename == "TypeError" and "cell-5:1:7" in str(failure), failure
else:
    raise AssertionError("nbclient went on after an error")
