"""Named tensors and a JSON value, exchanged with tensorFile.ts."""

import json
import struct

import numpy
import torch


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    at = 8 + length
    for entry in header["tensors"]:
        count = int(numpy.prod(entry["shape"], dtype=numpy.int64))
        values = numpy.frombuffer(data, dtype=entry["dtype"], count=count, offset=at)
        at += values.nbytes
        tensors[entry["name"]] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return header["info"], tensors


def write(path, info, tensors):
    entries, blobs = [], []
    for name, tensor in tensors.items():
        values = numpy.ascontiguousarray(tensor.detach().numpy())
        entries.append({"name": name, "dtype": str(values.dtype), "shape": list(tensor.shape)})
        blobs.append(values.tobytes())
    header = json.dumps({"info": info, "tensors": entries}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + b"".join(blobs))
