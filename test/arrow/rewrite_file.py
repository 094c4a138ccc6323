"""Reads an Arrow file and writes its table to another one, as any Arrow program would pass data on."""

import sys

import pyarrow as pa

table = pa.ipc.open_file(pa.memory_map(sys.argv[1])).read_all()
with pa.ipc.new_file(sys.argv[2], table.schema) as writer:
    writer.write_table(table)
