"""`jupyter nbconvert --execute` to HTML and to a notebook. Usage: python converted.py DIRECTORY"""

import os
import re
import subprocess
import sys

import nbformat

SOURCES = [
    "interface Row { expert: number; load: number }\nconst rows: Row[] = [{ expert: 0, load: 1.5 }, { expert: 1, load: 2.5 }];",
    "display.table(rows);",
    "display.svg('<svg width=\"40\" height=\"30\"><rect width=\"40\" height=\"30\"/></svg>');",
    'import { progress } from "moelab";\nfor (const row of progress(rows, { label: "rows" })) void row;',
    "for (let step = 0; step <= 3; step++) process.stdout.write(`\\rstep ${step}`);",
    'function fail(): never {\n  throw new RangeError("no <expert> left");\n}\nfail();',
]

os.chdir(sys.argv[1])
notebook = nbformat.v4.new_notebook(
    cells=[nbformat.v4.new_code_cell(source) for source in SOURCES],
    metadata={"kernelspec": {"name": "moelab", "display_name": "TypeScript (moelab)", "language": "typescript"}},
)
nbformat.write(notebook, "report.ipynb")


def convert(target, *options):
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", target, *options, "report.ipynb"]
    return subprocess.run(command, capture_output=True, text=True)


executed = convert("notebook", "--allow-errors", "--output", "executed.ipynb")
assert executed.returncode == 0, executed.stderr
cells = nbformat.read("executed.ipynb", as_version=4).cells
nbformat.validate(nbformat.read("executed.ipynb", as_version=4))
assert "| 0 | 1.5 |" in cells[1].outputs[0].data["text/markdown"], cells[1].outputs
assert set(cells[2].outputs[0].data) == {"image/svg+xml", "image/png", "text/plain"}, cells[2].outputs
(bar,) = cells[3].outputs
assert "100%" in bar.data["text/plain"] and 'value="1000"' in bar.data["text/html"], bar
assert cells[5].outputs[0].ename == "RangeError", cells[5].outputs

shown = convert("html", "--allow-errors")
assert shown.returncode == 0, shown.stderr
with open("report.html") as file:
    page = file.read()
assert "<th" in page and ">1.5</td>" in page, "the table is missing"
assert 'src="data:image/svg+xml;base64,' in page or "<svg" in page, "the picture is missing"
assert re.search('<progress [^>]*value="1000"', page), "the bar is missing"
assert '<span class="ansi-red-fg">RangeError: no &lt;expert&gt; left</span>' in page, "the error is missing"
assert '<span class="ansi-bold">at fail (cell-6:2:9)</span>' in page, "the line of the error is missing"
