"""Prints what pyarrow finds in a mapped Arrow file: per column its type, values and the place of its data."""

import json
import sys

import numpy as np
import pyarrow as pa


def data_buffer(array):
    if isinstance(array, pa.ExtensionArray):
        return data_buffer(array.storage)
    if pa.types.is_fixed_size_list(array.type) or pa.types.is_large_list(array.type):
        return data_buffer(array.values)
    return array.buffers()[1]


def metadata_of(schema):
    return {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}


def values_of(array):
    if isinstance(array.type, pa.FixedShapeTensorType):
        return array.to_numpy_ndarray()
    if pa.types.is_large_list(array.type):
        return array.values.to_numpy(zero_copy_only=False)
    if isinstance(array, pa.ExtensionArray):
        return array.to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(array.type):
        return np.array(array.to_pylist())
    return array.to_numpy(zero_copy_only=False)


path = sys.argv[1]
# Every reader maps the file anew; offsets need the start of the mapping that the table was read from.
mapped = pa.memory_map(path)
start = mapped.read_buffer().address
table = pa.ipc.open_file(mapped).read_all()
table.validate(full=True)

# A file is also a stream after its first eight bytes.
stream = pa.OSFile(path)
stream.seek(8)
assert pa.ipc.open_stream(stream).read_all().equals(table)

columns = {}
for field in table.schema:
    chunk = table[field.name].chunk(0)
    values = values_of(chunk)
    buffer = data_buffer(chunk)
    columns[field.name] = {
        "type": str(field.type),
        "shape": list(values.shape),
        "values": values.astype(np.float64).ravel().tolist(),
        "offset": buffer.address - start,
        "bytes": buffer.size,
    }
print(json.dumps({"rows": table.num_rows, "metadata": metadata_of(table.schema), "columns": columns}))
