"""Writes the files that test/arrow/pyarrowFiles.test.ts opens: what pyarrow makes of tensors, and what is none."""

import sys
from os.path import join

import numpy as np
import pyarrow as pa

folder = sys.argv[1]


def write(name, batches, options=None):
    with pa.ipc.new_file(join(folder, name), batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)


def tensors(dtype, shape, permutation=None):
    numpy = np.dtype(dtype)
    rows, row = shape[0], shape[1:]
    size = int(np.prod(row))
    flat = pa.array(np.arange(rows * size).astype(numpy))
    kind = pa.fixed_shape_tensor(flat.type, row, permutation=permutation)
    return pa.ExtensionArray.from_storage(kind, pa.FixedSizeListArray.from_arrays(flat, size))


dtypes = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
write(
    "tensors.arrow",
    [
        pa.record_batch(
            {d: tensors(d, (2, 3, 4)) for d in dtypes}
            | {f"{d} plain": pa.array(np.array([7, 8]).astype(d)) for d in dtypes}
            | {
                "permuted": tensors("float32", (2, 3, 4), permutation=[1, 0]),
                "bools": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())),
                "lists": pa.FixedSizeListArray.from_arrays(
                    pa.FixedSizeListArray.from_arrays(pa.array(np.arange(12, dtype=np.int16)), 3), 2
                ),
            }
        )
    ],
)
write(
    "mixed.arrow",
    [
        pa.record_batch(
            {
                "text": pa.array(["a", "bc"]),
                "dictionary": pa.array(["x", "x"]).dictionary_encode(),
                "nested": pa.array([{"a": [1.0], "b": "t"}, {"a": [], "b": None}]),
                "views": pa.array(["a view that is longer than twelve bytes", "short"], pa.string_view()),
                "numbers": pa.array(np.array([1.5, 2.5], np.float32)),
                "bits": pa.array([True, False]),
                "nulls": pa.array([1, None], pa.int32()),
                "unsigned": pa.array([1, 2], pa.uint32()),
            }
        )
    ],
)
write("batches.arrow", [pa.record_batch({"x": tensors("float32", (2, 3))}) for _ in range(2)])
write(
    "compressed.arrow",
    [pa.record_batch({"x": pa.array(np.zeros(1000, np.float32))})],
    options=pa.ipc.IpcWriteOptions(compression="lz4"),
)
write("empty.arrow", [pa.record_batch({"x": tensors("float32", (0, 3))})])
with pa.ipc.new_stream(join(folder, "stream.arrow"), pa.schema([("x", pa.float32())])) as stream:
    stream.write_batch(pa.record_batch({"x": pa.array([1.0], pa.float32())}))
